// Which orders of others are carried out.
#include "proxy/peers/taken_orders.h"

#include <limits>

#include "catch.h"

using namespace slotless;
using namespace slotless::peers;
using Verdict = TakenOrders::Verdict;

namespace {

struct Receiver {
  static constexpr std::int64_t kBegin = 1'700'000'000'000;

  net::TimePoint now{std::chrono::hours(1)};
  std::int64_t unixMillis = kBegin;
  TakenOrders orders{"own"};

  Order order(const std::string& number) const {
    return {number, "a", unixMillis, 1000, {"b", "own"}, {{"resume"}, {}}};
  }
  Verdict hears(const Order& each) { return orders.look(each, now, unixMillis); }
  void passes(net::Millis time) {
    now += time;
    unixMillis += time.count();
  }
};

}  // namespace

TEST_CASE_METHOD(Receiver, "an order of just now is taken once") {
  const Order one = order("1");
  CHECK(hears(one) == Verdict::Take);
  CHECK(hears(one) == Verdict::Known);
  CHECK(hears(order("2")) == Verdict::Take);
  passes(net::Millis{20'000});
  CHECK(hears(one) == Verdict::Known);
}

TEST_CASE_METHOD(Receiver, "what is meant for others, or comes from here, is not carried out") {
  Order each = order("1");
  each.to = {"b"};
  CHECK(hears(each) == Verdict::NotMeant);
  each.to.clear();
  CHECK(hears(each) == Verdict::NotMeant);
  each = order("1");
  each.from = "own";
  CHECK(hears(each) == Verdict::NotMeant);
  CHECK(hears(order("1")) == Verdict::Take);
}

TEST_CASE_METHOD(Receiver, "what is old, or of a time to come, is not carried out") {
  Order each = order("1");
  each.unixMillis = unixMillis - kOrderAgeMillis - 1;
  CHECK(hears(each) == Verdict::Stale);
  each.unixMillis = unixMillis + kOrderAgeMillis + 1;
  CHECK(hears(each) == Verdict::Stale);
  each.unixMillis = 0;
  CHECK(hears(each) == Verdict::Stale);
  each.unixMillis = std::numeric_limits<std::int64_t>::max();
  CHECK(hears(each) == Verdict::Stale);
  each.unixMillis = unixMillis - kOrderAgeMillis;
  CHECK(hears(each) == Verdict::Take);
  each = order("2");
  each.unixMillis = unixMillis + kOrderAgeMillis;
  CHECK(hears(each) == Verdict::Take);
}

TEST_CASE_METHOD(Receiver, "an order is known for as long as it is of just now, whatever its clock said") {
  Order ahead = order("1");
  ahead.unixMillis = unixMillis + kOrderAgeMillis;
  CHECK(hears(ahead) == Verdict::Take);
  passes(net::Millis{2 * kOrderAgeMillis});
  CHECK(hears(ahead) == Verdict::Known);
  passes(net::Millis{1});
  CHECK(hears(ahead) == Verdict::Stale);
  // Known no longer when that makes no difference.
  now += net::Millis{2 * kOrderAgeMillis};
  Order same = order("1");
  CHECK(hears(same) == Verdict::Take);
}

TEST_CASE_METHOD(Receiver, "so many are taken in a second, and others in the next") {
  for (std::uint32_t i = 0; i < kTakenPerSecond; ++i) CHECK(hears(order(std::to_string(i))) == Verdict::Take);
  const Order late = order("late");
  CHECK(hears(late) == Verdict::TooMany);
  passes(net::Millis{1001});
  CHECK(hears(late) == Verdict::Take);
}
