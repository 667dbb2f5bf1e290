// Keeps count of held legs (requests that wait for a link, a pause, or an earlier request), and wakes their
// clients.
//
// Bounded: a client may have more held as long as it has less than is left of the worker's limits, so that
// each gets its share and the last place is never taken; one request a client is always held. From a client
// with more, nothing is read: nobody is refused for what others ask.
#pragma once
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "protocol/slot.h"
#include "proxy/net/loop.h"

namespace slotless::session {

class Downstream;
class Leg;
struct Context;

// Does the configuration allow that requests wait at all?
inline bool mayHold(const config::Config& config) noexcept {
  return config.holdTimeout.count() > 0 && config.holdMaxRequests > 0 && config.holdMaxBytes > 0;
}

// What is held of one client.
struct Held {
  // Those that were refused (wasRefused()), by slot; nullptr: there are none.
  using Refused = std::unordered_map<protocol::Slot, std::vector<Leg*>>;
  std::unique_ptr<Refused> refused;
  std::size_t legs = 0;
  std::size_t requests = 0;
  std::size_t bytes = 0;   // of requests
  std::size_t memory = 0;  // what they take
  std::size_t place = 0;   // among the holding's clients
};

class Holding {
 public:
  explicit Holding(Context& context);

  // hold-max-requests or hold-max-bytes of 0: nothing is held.
  bool off() const noexcept;
  // May the next request of this client be taken? Counts the limit that forbids it.
  bool admits(const Downstream& client) const;
  // The leg is held, and its trouble known: both stay as they are until remove().
  void add(Downstream& client, Leg& leg);
  void remove(Downstream& client, const Leg& leg);
  // A link is ready, or the topology has changed: everybody may try again.
  void wakeAll();

 private:
  static void noteRefused(Held& held, Leg& leg);
  static void forgetRefused(Held& held, const Leg& leg);
  void tick();
  void publish();

  // Short enough to notice a new master soon, long enough to cost nothing.
  static constexpr net::Millis kTick{50};

  Context& context_;
  std::unique_ptr<net::Timer> timer_;
  std::vector<Downstream*> clients_;
  std::size_t requests_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace slotless::session
