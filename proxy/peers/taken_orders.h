// Which orders of other proxies this one carries out: those that are meant for it, of just now, for the first
// time, and not too many.
//
// Without a clock or a connection. An order that was heard before, and is said again by somebody who has
// recorded it, is old, or known, or meant for a process that has ended: ids are of processes.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "proxy/net/loop.h"
#include "proxy/peers/order_text.h"
#include "proxy/telemetry/rate_limit.h"

namespace slotless::peers {

// So much the clocks of two proxies, and the time that a message takes, may come to.
inline constexpr std::int64_t kOrderAgeMillis = 30'000;
// Of all others together.
inline constexpr std::uint32_t kTakenPerSecond = 20;

class TakenOrders {
 public:
  explicit TakenOrders(std::string ownId) : ownId_(std::move(ownId)) {}

  enum class Verdict : std::uint8_t { Take, NotMeant, Stale, Known, TooMany };
  Verdict look(const Order& order, net::TimePoint now, std::int64_t unixMillis);

 private:
  void forgetOld(net::TimePoint now);

  const std::string ownId_;
  // By number, for longer than it is of just now. As many as kTakenPerSecond lets come.
  std::map<std::string, net::TimePoint> known_;
  log::RateLimit rate_{kTakenPerSecond};
};

}  // namespace slotless::peers
