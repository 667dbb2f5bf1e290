#include "proxy/server/memory_tide.h"

#include "catch.h"

namespace slotless::test {

using namespace std::chrono_literals;

namespace {
constexpr std::size_t kMuch = server::MemoryTide::kWorthwhileBytes;
constexpr net::TimePoint kStart = net::TimePoint{} + 1h;
}  // namespace

TEST_CASE("pages are given back after a fall that is large, and lasts") {
  server::MemoryTide tide;
  CHECK_FALSE(tide.note(0, 0, kStart));
  CHECK_FALSE(tide.note(kMuch + 1000, 0, kStart));
  CHECK_FALSE(tide.note(1001, 0, kStart + 1h));
  CHECK(tide.note(1000, 0, kStart + 2h));
  CHECK_FALSE(tide.note(1000, 0, kStart + 3h));
  CHECK_FALSE(tide.note(2 * kMuch, 0, kStart + 4h));
  CHECK_FALSE(tide.note(0, 0, kStart + 4h + 1s));
  CHECK_FALSE(tide.note(0, 0, kStart + 4h + server::MemoryTide::kCalm - 1ms));
  CHECK(tide.note(0, 0, kStart + 4h + server::MemoryTide::kCalm));
}

TEST_CASE("a peak between two looks counts") {
  server::MemoryTide tide;
  CHECK_FALSE(tide.note(0, kMuch, kStart));
  CHECK(tide.note(0, 0, kStart + server::MemoryTide::kCalm));
}

TEST_CASE("what rises and falls all the time is left to those who use it") {
  server::MemoryTide tide;
  for (int second = 0; second < 60; ++second) {
    const bool high = second % 3 == 0;
    CHECK_FALSE(tide.note(high ? 4 * kMuch : 0, 0, kStart + second * 1s));
  }
  // What is still used of it does not stand in the way of the rest.
  for (int second = 60; second < 64; ++second) {
    INFO(second);
    CHECK(tide.note(2 * kMuch, 0, kStart + second * 1s) == (second == 60));
  }
}

}  // namespace slotless::test
