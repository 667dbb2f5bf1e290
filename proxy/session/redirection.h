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

#include "proxy/tracking/redirector.h"

namespace slotless::session {

struct Services;

// Is there such a client on this worker?
bool hasClient(const Services& services, std::uint64_t id);

// nullopt: no worker has such a client. Never called before findTarget() has returned.
using TargetFound = std::function<void(std::optional<RedirectTarget> target)>;
void findTarget(Services& services, std::uint64_t client, TargetFound found);

class Redirections final : public Redirector {
 public:
  explicit Redirections(Services& services) : services_(services) {}
  void redirectInvalidation(std::uint64_t from, const RedirectTarget& target, std::string_view keys) override;

 private:
  Services& services_;
};

}  // namespace slotless::session
