// When connections to a node may be begun.
#include "proxy/upstream/dial_rate.h"

#include <chrono>

#include "catch.h"

namespace slotless::upstream {
namespace {

using namespace std::chrono_literals;
using net::Millis;

const net::Address kNode{"10.0.0.1", 7001};
const net::Address kOther{"10.0.0.2", 7002};

struct Bench {
  DialRate rate;
  net::TimePoint now{1h};
  Millis turn(std::uint64_t perSecond, bool atOnce = false, const net::Address& node = kNode,
              std::uint32_t jitter = 0) {
    return rate.turn(node, perSecond, atOnce, now, [&](std::uint32_t bound) { return jitter % bound; });
  }
};

TEST_CASE_METHOD(Bench, "a second's worth goes at once, the rest evenly", "[dial]") {
  for (int i = 0; i < 10; ++i) CHECK(turn(10) == 0ms);
  CHECK(turn(10) == 100ms);
  CHECK(turn(10) == 200ms);
  now += 200ms;
  CHECK(turn(10) == 100ms);
  now += 10s;
  for (int i = 0; i < 10; ++i) CHECK(turn(10) == 0ms);
  CHECK(turn(10) == 100ms);
}

TEST_CASE_METHOD(Bench, "each node has its own rate", "[dial]") {
  CHECK(turn(1) == 0ms);
  CHECK(turn(1) == 1s);
  CHECK(turn(1, false, kOther) == 0ms);
}

TEST_CASE_METHOD(Bench, "what does not wait counts all the same", "[dial]") {
  CHECK(turn(2, true) == 0ms);
  CHECK(turn(2, true) == 0ms);
  CHECK(turn(2, true) == 0ms);
  CHECK(turn(2) == 1s);
}

TEST_CASE_METHOD(Bench, "who waits does so up to a quarter longer", "[dial]") {
  CHECK(turn(1) == 0ms);
  CHECK(turn(1, false, kNode, 1'000'000) <= 1250ms);
  CHECK(turn(1, false, kNode, 100) == 2100ms);
}

TEST_CASE_METHOD(Bench, "without a limit nobody waits", "[dial]") {
  for (int i = 0; i < 1000; ++i) CHECK(turn(0) == 0ms);
}

TEST_CASE_METHOD(Bench, "nodes that nobody connects to any more are forgotten", "[dial]") {
  for (std::uint16_t port = 1; port < 1000; ++port) {
    now += 2s;
    CHECK(turn(1, false, {"10.0.0.9", port}) == 0ms);
  }
}

}  // namespace
}  // namespace slotless::upstream
