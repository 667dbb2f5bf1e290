// Which keys are found to be used most, and how well.
#include "proxy/telemetry/key_sketch.h"

#include <cmath>
#include <map>
#include <random>

#include "catch.h"

namespace slotless::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr KeySketch::TimePoint kStart = KeySketch::TimePoint{} + 1h;

const KeySketch::Counter* find(const KeySketch& sketch, std::string_view key, std::uint32_t database = 0) {
  const KeySketch::Counter* found = nullptr;
  sketch.forEach([&](const KeySketch::Counter& each) {
    if (each.name == key && each.database == database) found = &each;
  });
  return found;
}

// Ranks from 1 on, each used in inverse proportion to itself.
std::map<std::string, double> useByZipf(KeySketch& sketch, std::size_t keys, int uses, std::uint32_t seed) {
  std::vector<double> weights;
  for (std::size_t rank = 1; rank <= keys; ++rank) weights.push_back(1.0 / static_cast<double>(rank));
  std::discrete_distribution<std::size_t> zipf(weights.begin(), weights.end());
  std::mt19937 random(seed);
  std::map<std::string, double> exact;
  for (int i = 0; i < uses; ++i) {
    const std::string key = "key:" + std::to_string(zipf(random));
    sketch.add({.key = key}, kStart);
    ++exact[key];
  }
  return exact;
}

TEST_CASE("each key with its own counter is counted exactly", "[key_sketch]") {
  KeySketch sketch;
  for (int i = 0; i < 3; ++i)
    sketch.add({.database = 1, .slot = 7, .key = "a", .writes = i == 0, .weight = 10, .bytes = 50}, kStart);
  sketch.add({.database = 2, .key = "a"}, kStart);
  const KeySketch::Counter* one = find(sketch, "a", 1);
  REQUIRE(one != nullptr);
  CHECK(one->uses == 30);
  CHECK(one->writes == 10);
  CHECK(one->bytes == 150);
  CHECK(one->slot == 7);
  CHECK(one->excess == 0);
  REQUIRE(find(sketch, "a", 2) != nullptr);
  CHECK(find(sketch, "a", 2)->uses == 1);
  CHECK(sketch.total() == 31);
}

TEST_CASE("of keys by Zipf's law all that are used much are found, within the bound", "[key_sketch]") {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    KeySketch sketch;
    const auto exact = useByZipf(sketch, 5000, 50'000, seed);
    const double bound = sketch.total() / KeySketch::kCounters;
    CHECK(sketch.total() == 50'000);
    for (const auto& [key, uses] : exact) {
      const KeySketch::Counter* counter = find(sketch, key);
      INFO(key << " used " << uses << ", seed " << seed);
      if (uses > bound) REQUIRE(counter != nullptr);
      if (counter == nullptr) continue;
      CHECK(counter->uses >= uses);
      CHECK(counter->uses - counter->excess <= uses);
      CHECK(counter->excess <= bound);
    }
  }
}

TEST_CASE("the order of the keys used most is right where they are further apart than the bound",
          "[key_sketch]") {
  KeySketch sketch;
  useByZipf(sketch, 5000, 50'000, 4);
  for (int rank = 0; rank < 3; ++rank) {
    const auto name = [](int each) { return "key:" + std::to_string(each); };
    CHECK(find(sketch, name(rank))->uses > find(sketch, name(rank + 1))->uses);
  }
}

TEST_CASE("in a minute uses decay to 1/e, and the rate stays", "[key_sketch]") {
  KeySketch sketch;
  for (int second = 0; second < 600; ++second)
    sketch.add({.key = "a", .weight = 100}, kStart + std::chrono::seconds(second));
  const auto end = kStart + 600s;
  sketch.decay(end);
  CHECK(std::abs(find(sketch, "a")->uses / sketch.seconds(end) - 100) < 2);
  const double before = find(sketch, "a")->uses;
  sketch.decay(end + 60s);
  CHECK(std::abs(find(sketch, "a")->uses - before / std::exp(1.0)) < 1);
  CHECK(std::abs(sketch.total() - find(sketch, "a")->uses) < 1);
  // A clock that goes back changes nothing.
  sketch.decay(end);
  CHECK(std::abs(find(sketch, "a")->uses - before / std::exp(1.0)) < 1);
}

TEST_CASE("what was used much long ago makes room", "[key_sketch]") {
  KeySketch sketch;
  sketch.add({.key = "old", .weight = 1000}, kStart);
  for (std::size_t i = 0; i < KeySketch::kCounters; ++i)
    sketch.add({.key = "new:" + std::to_string(i)}, kStart + 15min);
  CHECK(find(sketch, "old") == nullptr);
  CHECK(find(sketch, "new:0") != nullptr);
}

TEST_CASE("a rate is known from the first second on", "[key_sketch]") {
  KeySketch sketch;
  sketch.add({.key = "a", .weight = 50}, kStart);
  CHECK(std::abs(50 / sketch.seconds(kStart) - 50) < 1);
  CHECK(std::abs(sketch.seconds(kStart + 1h) - 60) < 0.1);
}

TEST_CASE("long keys are told from each other by their ends and their lengths", "[key_sketch]") {
  KeySketch sketch;
  const std::string middle(1000, 'x');
  for (const std::string& key : {"a" + middle, middle + "a", middle + "b", middle, std::string(300, 'x')})
    sketch.add({.key = key}, kStart);
  int counters = 0;
  sketch.forEach([&](const KeySketch::Counter& each) {
    ++counters;
    CHECK(each.name.size() == KeySketch::kLongestName);
    CHECK(each.keyBytes >= 300);
    CHECK(each.uses == 1);
  });
  CHECK(counters == 5);
}

TEST_CASE("a sketch that is cleared begins anew", "[key_sketch]") {
  KeySketch sketch;
  sketch.add({.key = "a"}, kStart);
  sketch.clear(kStart + 1h);
  CHECK(find(sketch, "a") == nullptr);
  CHECK(sketch.total() == 0);
  sketch.add({.key = "a"}, kStart + 1h);
  CHECK(find(sketch, "a")->uses == 1);
  CHECK(sketch.seconds(kStart + 1h) < 1.1);
}

}  // namespace
}  // namespace slotless::telemetry
