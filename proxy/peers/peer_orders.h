// The course of orders between proxies: what a client of this one has others do, and what others have this
// one do.
//
// Where the proxies have a password for the cluster, all of it is sealed with it (seal.h), and what is not,
// is not believed. Where they have none, everybody on the channel may be anybody: then what only tells of
// something is asked and answered openly, as the nodes tell everybody, and nothing that changes anything is
// asked or done. Nobody waits: what has not come after kOrderPatience is told as missing. Belongs to one
// thread; see SentOrders and TakenOrders for what is without a clock.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/net/loop.h"
#include "proxy/peers/order_text.h"
#include "proxy/peers/seal.h"
#include "proxy/peers/sent_orders.h"
#include "proxy/peers/taken_orders.h"
#include "proxy/pubsub/peer_order.h"
#include "proxy/telemetry/rate_limit.h"

namespace slotless::peers {

// Of all clients of this proxy together.
inline constexpr std::uint32_t kSentPerSecond = 10;

class PeerOrders {
 public:
  struct Surroundings {
    std::function<void(std::string message)> say;
    // Ids and places of the others; state and text are not set.
    std::function<pubsub::PeerAnswers()> others;
    // Empty: messages can be said and heard.
    std::function<std::string()> whyMute;
    pubsub::CarryOut carryOut;
    std::function<std::int64_t()> unixMillis;
  };

  PeerOrders(net::Loop& loop, std::string ownId, Surroundings surroundings);
  // Whoever waits is told at once.
  ~PeerOrders();
  PeerOrders(const PeerOrders&) = delete;
  PeerOrders& operator=(const PeerOrders&) = delete;

  void setCredentials(const upstream::Credentials& now, const std::optional<upstream::Credentials>& before) {
    seal_.setCredentials(now, before);
  }
  // What takes a moment is done now, and not when somebody asks.
  void prepare() { seal_.prepare(); }

  // `done` is called once: now, or later.
  void ask(const pubsub::PeerOrder& what, SentOrders::Done done);

  enum class Heard : std::uint8_t {
    NoOrder,   // it is something else
    Taken,     // also if it is not meant for this proxy
    Unopened,  // it is not sealed as it has to be, or makes no sense
  };
  Heard hear(std::string_view message);
  // Nobody is spoken with any more.
  void endAll();

 private:
  // What is missing is an error for all; empty: it can be asked.
  std::string whyNot(const pubsub::PeerOrder& what);
  std::optional<std::string> wrapped(const std::string& text);
  std::optional<std::string> unwrapped(std::string_view message);
  void take(const Order& order);
  void tell(const Order& order, pubsub::PeerAnswer own);
  void setTimer();

  net::Loop& loop_;
  const std::string ownId_;
  const Surroundings surroundings_;
  Seal seal_;
  SentOrders sent_;
  TakenOrders taken_;
  log::RateLimit rate_{kSentPerSecond};
  std::unique_ptr<net::Timer> timer_;
  // What is carried out may be done when this is gone.
  std::shared_ptr<PeerOrders*> self_ = std::make_shared<PeerOrders*>(this);
};

}  // namespace slotless::peers
