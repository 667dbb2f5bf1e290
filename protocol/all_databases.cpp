#include "protocol/all_databases.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace slotless::protocol {

namespace {

// Source: redis.io/commands.
constexpr std::string_view kNames[] = {
    "memory|doctor",        // how large all keys are, and how they lie
    "memory|malloc-stats",  // the same of the allocator
    "memory|purge",         // takes every server some time
    "memory|stats",         // how many keys and clients there are
    "pubsub|numpat",        // what all clients listen to
};

}  // namespace

bool concernsAllDatabases(const CommandSpec& spec) noexcept {
  return std::find(std::begin(kNames), std::end(kNames), spec.name) != std::end(kNames);
}

}  // namespace slotless::protocol
