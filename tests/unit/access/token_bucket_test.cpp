// A rate for all threads together, and the budgets of addresses and users.
#include "proxy/access/token_bucket.h"

#include <atomic>
#include <thread>
#include <vector>

#include "catch.h"
#include "proxy/access/budgets.h"

namespace slotless::test {

using access::Budget;
using access::Budgets;
using access::TokenBucket;
using namespace std::chrono_literals;
using Late = TokenBucket::Late;

namespace {

constexpr TokenBucket::TimePoint kNow{std::chrono::hours(1)};

}  // namespace

TEST_CASE("a second's worth passes at once, and then one after the other") {
  TokenBucket bucket;
  for (int i = 0; i < 10; ++i) CHECK(bucket.take(kNow, 1, 10, Late::Wait) == kNow);
  // Each has a turn of its own.
  CHECK(bucket.take(kNow, 1, 10, Late::Wait) == kNow + 100ms);
  CHECK(bucket.take(kNow, 1, 10, Late::Wait) == kNow + 200ms);
  CHECK(bucket.take(kNow + 1s, 1, 10, Late::Wait) == kNow + 1s);
  CHECK_FALSE(bucket.atRest(kNow + 1s));
  CHECK(bucket.atRest(kNow + 3s));
}

TEST_CASE("who is not to wait takes nothing when it comes too early") {
  TokenBucket bucket;
  CHECK(bucket.take(kNow, 1, 1, Late::Refuse) == kNow);
  for (int i = 0; i < 5; ++i) CHECK(bucket.take(kNow, 1, 1, Late::Refuse) == kNow + 1s);
  CHECK(bucket.take(kNow + 1s, 1, 1, Late::Refuse) == kNow + 1s);
}

TEST_CASE("what is larger than the bucket passes, and those behind it wait for it") {
  TokenBucket bucket;
  CHECK(bucket.take(kNow, 5000, 1000, Late::Wait) == kNow);
  CHECK(bucket.take(kNow, 0, 1000, Late::Wait) > kNow + 4s);
  CHECK(bucket.take(kNow, 0, 1000, Late::Wait) <= kNow + 4s + 1ms);
  // Nobody waits for ever.
  TokenBucket other;
  other.take(kNow, ~std::uint64_t{0}, 1, Late::Wait);
  CHECK(other.take(kNow, 1, 1, Late::Wait) <= kNow + 1h);
}

TEST_CASE("threads together get no more than the rate") {
  TokenBucket bucket;
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) passed += bucket.take(kNow, 1, 500, Late::Refuse) == kNow ? 1 : 0;
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK(passed == 500);
}

TEST_CASE("a budget lets in as many as may be, over all threads") {
  Budget budget;
  std::atomic<int> joined{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 100; ++k) joined += budget.join(7) ? 1 : 0;
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK(joined == 7);
  budget.leave();
  CHECK(budget.join(7));
  CHECK(budget.join(0));
  CHECK(budget.begin(3, 5));
  CHECK_FALSE(budget.begin(3, 5));
  budget.end(1);
  CHECK(budget.begin(3, 5));
}

TEST_CASE("an IPv6 address stands for its /64, and an IPv4 address for itself in either form") {
  Budgets budgets;
  CHECK(budgets.ofAddress("2001:db8::1", kNow) == budgets.ofAddress("2001:db8::ffff:1", kNow));
  CHECK(budgets.ofAddress("2001:db8::1", kNow) != budgets.ofAddress("2001:db8:0:1::1", kNow));
  CHECK(budgets.ofAddress("10.0.0.1", kNow) == budgets.ofAddress("::ffff:10.0.0.1", kNow));
  CHECK(budgets.ofAddress("10.0.0.1", kNow) != budgets.ofAddress("10.0.0.2", kNow));
  CHECK(budgets.ofAddress("/run/a.sock", kNow) == nullptr);
  CHECK(budgets.ofUser("a", kNow) == budgets.ofUser("a", kNow));
  CHECK(budgets.ofUser("a", kNow) != budgets.ofUser("b", kNow));
}

TEST_CASE("what nobody uses any more is forgotten, and what is used or spent is not") {
  Budgets budgets;
  const access::BudgetPtr used = budgets.ofAddress("10.255.0.1", kNow);
  budgets.ofAddress("10.255.0.2", kNow)->requests.take(kNow, 100, 1, Late::Wait);
  const auto host = [](int i) { return "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256); };
  for (int i = 0; i < 10000; ++i) budgets.ofAddress(host(i), kNow);
  CHECK(budgets.size() <= 1026);
  CHECK(budgets.ofAddress("10.255.0.1", kNow) == used);
  CHECK_FALSE(budgets.ofAddress("10.255.0.2", kNow)->atRest(kNow));
}

}  // namespace slotless::test
