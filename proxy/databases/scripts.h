// The scripts that do to one database what a cluster's nodes can only do to all of their keys.
//
// Those of a pinned database are sent to the owner of its slot, by KEYS[1], which never exists: while the
// slot is being moved its owner answers ASK, whatever it still has, and the request waits. The others run on
// every master and name no keys. All work on Redis 7.0 and later; none writes more than it says.
#pragma once
#include <string_view>

namespace slotless::databases::scripts {

// KEYS[1]: the routing key; ARGV[1]: the prefix.
extern const std::string_view kPinnedCount;
extern const std::string_view kPinnedFlush;
extern const std::string_view kPinnedList;
// ARGV[2]: a number to choose by; ARGV[3]: how many keys are looked at.
extern const std::string_view kPinnedRandom;
// ARGV[2]: pattern, [3]: the node's cursor, [4]: check, [5]: its mask, [6]: keys wanted, [7]: up to how many
// keys the slot is returned at once, [8]: how many places of the node's table are looked at, [9]: type or
// empty. The reply: the node's cursor, what the check is made of, keys.
extern const std::string_view kPinnedScan;

// ARGV[1]: the prefix, or empty for what has no reserved name; ARGV[2]: 1 if any slot can have reserved
// names, else ARGV[3...] are those that can.
extern const std::string_view kNodeCount;
extern const std::string_view kNodeFlush;
extern const std::string_view kNodeRandom;
// ARGV[1]: how many arguments INFO has, they, then slot and prefix of each pinned database.
// The reply: the text, and how many keys each of these databases has on the node.
extern const std::string_view kNodeInfo;

}  // namespace slotless::databases::scripts
