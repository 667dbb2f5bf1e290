#include "proxy/session/behind_exec.h"

#include <algorithm>
#include <iterator>

namespace slotless::session {

namespace {

// They are about servers and name no keys. What looks at all keys (DBSIZE, KEYS, SCAN …) or changes them
// (FLUSHALL) would have to do so at the moment of the transaction. What loads scripts has its place before
// those that run them, and what ends a script must not wait for it.
constexpr BehindExec kBehindExec[] = {
    {"acl|log"},
    {"config|get"},
    {"config|resetstat", false},
    {"config|set", false, true},
    {"info"},
    {"lastsave", false},
    {"memory|doctor", false},
    {"memory|malloc-stats", false},
    {"memory|purge", false},
    {"memory|stats", false},
    {"pubsub|channels"},
    {"pubsub|numpat"},
    {"pubsub|numsub"},
    {"pubsub|shardchannels"},
    {"pubsub|shardnumsub"},
    {"script|exists"},
};

}  // namespace

const BehindExec* findBehindExec(const protocol::CommandSpec& spec) noexcept {
  const auto* found = std::find_if(std::begin(kBehindExec), std::end(kBehindExec),
                                   [&](const BehindExec& each) { return each.command == spec.name; });
  return found == std::end(kBehindExec) ? nullptr : found;
}

}  // namespace slotless::session
