// The FIFO queue of links, against std::deque.
#include "proxy/upstream/ring.h"

#include <cstdint>
#include <deque>
#include <random>

#include "catch.h"

namespace slotless::upstream {
namespace {

TEST_CASE("a ring holds what a deque would hold, through growth and turning round", "[ring]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 engine(seed);
    Ring<int> ring;
    std::deque<int> model;
    for (int step = 0; step < 5000; ++step) {
      // Phases of growing and of shrinking, so that the ring is at times long and at times empty.
      const bool growing = (step / 500) % 2 == 0;
      if (engine() % 10 < (growing ? 7U : 3U)) {
        ring.push(step);
        model.push_back(step);
      } else if (!model.empty()) {
        ring.pop();
        model.pop_front();
      }
      REQUIRE(ring.size() == model.size());
      REQUIRE(ring.empty() == model.empty());
      if (model.empty()) continue;
      REQUIRE(ring.front() == model.front());
      const std::size_t at = engine() % model.size();
      REQUIRE(ring[at] == model[at]);
    }
  }
}

TEST_CASE("a ring can be cleared and used again, and its front changed in place", "[ring]") {
  for (const int count : {3, 10000}) {
    Ring<int> ring;
    for (int i = 0; i < count; ++i) ring.push(i);
    ring.pop();
    ring.clear();
    CHECK(ring.empty());
    ring.push(7);
    ring.push(8);
    ring.front() = 70;
    CHECK(ring.size() == 2);
    CHECK(ring[0] == 70);
    CHECK(ring[1] == 8);
  }
}

}  // namespace
}  // namespace slotless::upstream
