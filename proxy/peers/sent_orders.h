// What this proxy has asked others to do, until all have answered or their time is over.
//
// Without a clock or a connection. Whoever was asked counts once, and nobody else does.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "proxy/net/loop.h"
#include "proxy/peers/order_text.h"
#include "proxy/pubsub/peer_order.h"

namespace slotless::peers {

// Then what has come is told.
inline constexpr net::Millis kOrderPatience{1000};

class SentOrders {
 public:
  using Done = std::function<void(pubsub::PeerAnswers answers)>;

  // `asked`: with id and place of each; not empty.
  void add(const std::string& number, pubsub::PeerAnswers asked, net::TimePoint now, Done done);
  // False: nobody was asked that, or has answered already.
  bool note(Answer answer);
  // Those whose time is over are told.
  void expire(net::TimePoint now);
  void endAll();
  // When expire() has to be called; nullopt: never.
  std::optional<net::TimePoint> next() const;

 private:
  struct Sent {
    pubsub::PeerAnswers answers;
    std::size_t missing = 0;
    net::TimePoint until{};
    Done done;
  };

  std::map<std::string, Sent> sent_;  // by number
};

}  // namespace slotless::peers
