// Keeps count of held legs (requests that wait for a link, a pause, or an earlier request), within the
// worker's limits, and wakes their clients.
#pragma once
#include <memory>
#include <vector>

#include "proxy/net/loop.h"

namespace slotless::session {

class Client;
class Leg;
struct Services;

class Holding {
 public:
  explicit Holding(Services& services);

  // May a leg of that many bytes be held? Counts the limit that forbids it.
  bool admits(std::size_t bytes) const;
  void add(Client& client, const Leg& leg);
  void remove(Client& client, const Leg& leg);
  // A link is ready, or the topology has changed: everybody may try again.
  void wakeAll();

 private:
  void tick();

  // Short enough to notice a new master soon, long enough to cost nothing.
  static constexpr net::Millis kTick{50};

  Services& services_;
  std::unique_ptr<net::Timer> timer_;
  std::vector<Client*> clients_;
  std::size_t requests_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace slotless::session
