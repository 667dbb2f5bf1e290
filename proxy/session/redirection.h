// Where the invalidations of CLIENT TRACKING ... REDIRECT go: to another client, perhaps another worker's.
//
// Threads: called on the tracking client's worker; what concerns the other client goes by its worker's
// mailbox. Source: redis.io/commands/client-tracking, and Redis 7.0.15's replies.
//
// Beyond Redis: where there are users, only clients of the same user are told, unless who asks administers.
// It is looked at when it is asked for, and each time that something is told: a client that has logged in as
// somebody else has left for those who tell it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/tracking/redirector.h"

namespace slotless::session {

class Client;
struct Services;

// Who asks. A value, since it goes to other workers.
struct RedirectingUser {
  bool reachesAll = false;
  std::string name;
};
RedirectingUser redirectingUser(const Client& client, const Services& services);

// Is there such a client on this worker that the user may have told?
bool canTell(const Services& services, std::uint64_t id, const RedirectingUser& user);

// nullopt: no worker has such a client that the user may have told. Never called before findTarget() has
// returned.
using TargetFound = std::function<void(std::optional<RedirectTarget> target)>;
void findTarget(Services& services, std::uint64_t client, const RedirectingUser& user, TargetFound found);

class Redirections final : public Redirector {
 public:
  explicit Redirections(Services& services) : services_(services) {}
  void redirectInvalidation(std::uint64_t from, const RedirectTarget& target, std::string_view keys) override;

 private:
  Services& services_;
};

}  // namespace slotless::session
