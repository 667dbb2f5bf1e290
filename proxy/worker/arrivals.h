// Connections that have to say where they come from before they are anybody's: they begin with a header of
// the PROXY protocol, and come from a balancer that is believed.
//
// A worker's own. Each has kPatience for its header; what is closed here was no client yet.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "proxy/net/loop.h"
#include "proxy/net/relayed_stream.h"

namespace slotless::worker {

// What the server knows of an accepted connection.
struct Accepted {
  int descriptor = -1;
  std::uint64_t client = 0;  // its id
  std::size_t listener = 0;  // in config.listen
};

class Arrivals {
 public:
  static constexpr net::Millis kPatience{5000};

  struct Events {
    // Its header was good; its peer is the one that the header tells.
    std::function<void(const Accepted& accepted, std::unique_ptr<net::RelayedStream> stream)> arrived;
    // It has been closed. Empty reason: by the other side, which has said nothing.
    std::function<void(const net::Address& peer, std::string_view reason)> refused;
  };

  Arrivals(net::Loop& loop, Events events);
  ~Arrivals();
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  // Takes the socket over. `believed`: whether what that address says counts.
  void await(const Accepted& accepted, const std::function<bool(const net::Address& peer)>& believed);
  // Closes all of them.
  void close();
  bool empty() const noexcept { return waiting_.empty(); }

 private:
  class Arrival;

  void settle(Arrival& arrival);
  void refuse(Arrival& arrival, std::string_view reason);
  std::unique_ptr<Arrival> take(Arrival& arrival);
  void closeLate();
  void startTimer();

  net::Loop& loop_;
  const Events events_;
  std::list<std::unique_ptr<Arrival>> waiting_;  // by their deadlines
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace slotless::worker
