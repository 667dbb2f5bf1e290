// Looking at one request of many, in several threads.
#include "proxy/telemetry/hot_keys.h"

#include <cmath>
#include <thread>

#include "catch.h"

namespace slotless::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr HotKeys::TimePoint kThen = HotKeys::TimePoint{} + 2h;

void use(std::string_view key, int times, std::uint64_t every) {
  for (int i = 0; i < times; ++i) {
    if (!HotKeys::isNext()) continue;
    if (every == 0) {
      HotKeys::skip(every);
    } else {
      HotKeys::add({.key = key}, every, kThen);
    }
  }
}

TEST_CASE("of all requests one in so many is looked at, by chance", "[hot_keys]") {
  HotKeys::skip(0);
  HotKeys::lookSoon();
  use("a", 200'000, 100);
  const HotKeyList list = HotKeys::all(kThen);
  REQUIRE(list.keys.size() == 1);
  CHECK(list.keys.front().name == "a");
  CHECK(std::abs(list.keys.front().usesPerSecond / 200'000 - 1) < 0.06);
  CHECK(list.usesPerSecond == list.keys.front().usesPerSecond);
}

TEST_CASE("a pattern of requests does not hide a key", "[hot_keys]") {
  HotKeys::skip(0);
  HotKeys::lookSoon();
  for (int i = 0; i < 50'000; ++i) {
    use("a", 1, 4);
    use("b", 1, 4);
  }
  const HotKeyList list = HotKeys::all(kThen);
  REQUIRE(list.keys.size() == 2);
  CHECK(std::abs(list.keys[1].usesPerSecond / list.keys[0].usesPerSecond - 1) < 0.1);
}

TEST_CASE("when it is off nothing is kept, until somebody is told to look again", "[hot_keys]") {
  HotKeys::skip(0);
  HotKeys::lookSoon();
  use("a", 10, 1);
  CHECK(HotKeys::all(kThen).keys.size() == 1);
  HotKeys::lookSoon();
  use("a", 1, 0);
  CHECK(HotKeys::all(kThen).keys.empty());
  use("a", 10'000, 1);
  CHECK(HotKeys::all(kThen).keys.empty());
  HotKeys::lookSoon();
  use("a", 10, 1);
  CHECK(HotKeys::all(kThen).keys.front().usesPerSecond > 9.9);
}

TEST_CASE("the threads' keys are added up, those used most first, and end with their threads", "[hot_keys]") {
  HotKeys::skip(0);
  HotKeys::lookSoon();
  use("both", 10, 1);
  use("here", 15, 1);
  std::thread([] {
    use("both", 10, 1);
    use("there", 5, 1);
    const HotKeyList list = HotKeys::all(kThen);
    REQUIRE(list.keys.size() == 3);
    CHECK(list.keys[0].name == "both");
    CHECK(std::abs(list.keys[0].usesPerSecond - 20) < 0.5);
    CHECK(list.keys[1].name == "here");
    CHECK(list.keys[2].name == "there");
  }).join();
  CHECK(HotKeys::all(kThen).keys.size() == 2);
  HotKeys::clear(kThen);
  CHECK(HotKeys::all(kThen).keys.empty());
}

}  // namespace
}  // namespace slotless::telemetry
