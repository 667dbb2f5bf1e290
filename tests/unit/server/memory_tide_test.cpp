#include "proxy/server/memory_tide.h"

#include "catch.h"

namespace slotless::test {

using namespace std::chrono_literals;

TEST_CASE("pages are given back after a fall that is large, and not too often") {
  server::MemoryTide tide;
  const net::TimePoint start = net::TimePoint{} + 1h;
  constexpr std::size_t kMuch = server::MemoryTide::kWorthwhileBytes;
  CHECK_FALSE(tide.note(0, 0, start));
  CHECK_FALSE(tide.note(kMuch + 1000, 0, start));
  CHECK_FALSE(tide.note(1001, 0, start));
  CHECK(tide.note(1000, 0, start));
  CHECK_FALSE(tide.note(1000, 0, start + 1h));
  CHECK_FALSE(tide.note(2 * kMuch, 0, start + 1s));
  CHECK_FALSE(tide.note(0, 0, start + 2s));
  CHECK(tide.note(0, 0, start + server::MemoryTide::kPause));
  CHECK(tide.note(0, kMuch, start + 1h));
}

}  // namespace slotless::test
