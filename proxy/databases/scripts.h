// The scripts that do to one database what a cluster's nodes can only do to all of their keys.
//
// Those of a pinned database are sent to the owner of its slot, by KEYS[1], which never exists: while the
// slot is being moved its owner answers ASK, whatever it still has, and the request waits. The others run on
// every master and name no keys. All work on Redis 7.0 and later; none writes more than it says.
#pragma once
#include <string_view>

namespace slotless::databases::scripts {

// All of them begin so: MONITOR does not show what they run.
inline constexpr std::string_view kMark = "--[[slotless]]";

// KEYS[1]: the routing key; ARGV[1]: the prefix. Whole, at one moment.
extern const std::string_view kPinnedCount;
extern const std::string_view kPinnedFlush;
// ARGV[2]: a pattern that all of the database's keys that are wanted match; ARGV[3]: in a slot with more keys
// the node's own KEYS is faster.
extern const std::string_view kPinnedList;
// ARGV[2]: a number to choose by; ARGV[3]: how many keys are looked at.
extern const std::string_view kPinnedRandom;
// ARGV[2]: pattern, [3]: the node's cursor, [4]: check, [5]: its mask, [6]: keys wanted, [7]: up to how many
// keys the slot is returned at once, [8]: how many places of the node's table are looked at, [9]: type or
// empty. The reply: the node's cursor, what the check is made of, keys.
extern const std::string_view kPinnedScan;

// One step over a node's keys. ARGV[1]: the prefix, or empty for what has no reserved name; [2]: the node's
// cursor, [3]: the node's id, as of the last step; [4]: count or unlink; [5]: how many places are looked at.
// With KEYS[1] a slot with no more keys than that is done at once. The reply: where the step began, where to
// go on, the node's id, how many keys there were, how many were not unlinked.
extern const std::string_view kWalk;
// ARGV[1]: as above.
extern const std::string_view kNodeRandom;
// ARGV[2]: a number of keys; ARGV[3...]: slots of pinned databases.
extern const std::string_view kNodeCount;
// ARGV[1]: how many arguments INFO has, they, then slot and prefix of each pinned database.
// The reply: the text, and how many keys each of these databases has on the node.
extern const std::string_view kNodeInfo;

}  // namespace slotless::databases::scripts
