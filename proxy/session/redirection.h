// Where the invalidations of CLIENT TRACKING ... REDIRECT go: to another client, perhaps another worker's.
//
// Threads: called on the tracking client's worker; what concerns the other client goes by its worker's
// mailbox. Source: redis.io/commands/client-tracking, and Redis 7.0.15's replies.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace slotless::session {

struct Services;

struct RedirectTarget {
  std::uint64_t client = 0;
  // The number of its worker; nullopt: this one.
  std::optional<std::size_t> worker;
};

// Is there such a client on this worker?
bool hasClient(const Services& services, std::uint64_t id);

// nullopt: no worker has such a client. Never called before findTarget() has returned.
using TargetFound = std::function<void(std::optional<RedirectTarget> target)>;
void findTarget(Services& services, std::uint64_t client, TargetFound found);

// `keys`: an array as RESP; empty for all keys. In RESP3 it is pushed; in RESP2 it is a message to a client
// that has subscribed to anything, and nothing to any other. If the target has left, `from` is told.
void redirectInvalidation(Services& services, std::uint64_t from, const RedirectTarget& target,
                          std::string_view keys);

}  // namespace slotless::session
