#include "proxy/peers/taken_orders.h"

#include <algorithm>

namespace slotless::peers {

namespace {
// An order may be of half a minute to come, and a clock may be set back meanwhile.
constexpr net::Millis kRememberedFor = net::Millis{4 * kOrderAgeMillis};
}  // namespace

void TakenOrders::forgetOld(net::TimePoint now) {
  std::erase_if(known_, [&](const auto& each) { return now - each.second >= kRememberedFor; });
}

TakenOrders::Verdict TakenOrders::look(const Order& order, net::TimePoint now, std::int64_t unixMillis) {
  const bool isMeant =
      order.from != ownId_ && std::find(order.to.begin(), order.to.end(), ownId_) != order.to.end();
  if (!isMeant) return Verdict::NotMeant;
  // Both are not negative, so nothing overflows.
  const std::int64_t age = std::max<std::int64_t>(0, unixMillis) - order.unixMillis;
  if (age > kOrderAgeMillis || age < -kOrderAgeMillis) return Verdict::Stale;
  forgetOld(now);
  if (known_.contains(order.number)) return Verdict::Known;
  if (!rate_.admit(now)) return Verdict::TooMany;
  known_.emplace(order.number, now);
  return Verdict::Take;
}

}  // namespace slotless::peers
