// Keys that are used most, and large ones: what samples find, and how it fades.
#include "proxy/observe/key_use.h"

#include "catch.h"

namespace slotless::session {
namespace {

using namespace std::chrono_literals;

struct Traffic {
  config::Config config;
  KeyUse use{config};
  net::TimePoint now{1h};
  std::size_t looks = 0;

  void request(std::string_view key, std::chrono::microseconds later, bool writes = false,
               std::size_t bytes = 100) {
    now += later;
    if (!use.wants(bytes)) return;
    const std::uint32_t weight = use.begin(now);
    const KeySight sight{key, 0, "a:1", writes, bytes, 0};
    if (bytes >= KeyUse::kLarge) use.noteLarge(sight, "set");
    if (weight == 0) return;
    ++looks;
    use.note(sight, weight);
  }
  std::vector<HotKey> hottest(HotBy by = HotBy::Requests, std::size_t most = 3) {
    return mergeHot({use.hot(now)}, by, most);
  }
};

TEST_CASE("While there are few requests each of them counts") {
  Traffic traffic;
  for (int i = 0; i < 300; ++i) {
    traffic.request("often", 50ms);
    traffic.request(i % 3 == 0 ? "seldom" : "never" + std::to_string(i), 50ms, true);
  }
  CHECK(traffic.looks == 600);
  const auto keys = traffic.hottest();
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].key == "often");
  CHECK(keys[0].node == "a:1");
  // 10 a second, within what fades between two seconds.
  CHECK(keys[0].reads == Approx(10).epsilon(0.1));
  CHECK(keys[0].writes == 0);
  CHECK(keys[0].bytes == Approx(1000).epsilon(0.1));
  CHECK(keys[1].key == "seldom");
  CHECK(keys[1].writes == Approx(3.33).epsilon(0.1));
}

TEST_CASE("While there are many requests few are looked at, and the rates are right nevertheless") {
  Traffic traffic;
  for (int i = 0; i < 1'000'000; ++i) traffic.request(i % 4 == 0 ? "hot" : "cold" + std::to_string(i), 20us);
  CHECK(traffic.use.interval() == 256);
  CHECK(traffic.looks < 5000);
  const auto keys = traffic.hottest();
  REQUIRE_FALSE(keys.empty());
  CHECK(keys[0].key == "hot");
  CHECK(keys[0].requests() == Approx(12'500).epsilon(0.1));
}

TEST_CASE("A burst after a pause soon costs little") {
  Traffic traffic;
  for (int i = 0; i < 100; ++i) traffic.request("calm", 1s);
  const std::size_t before = traffic.looks;
  for (int i = 0; i < 10'000; ++i) traffic.request("burst", 0us);
  CHECK(traffic.looks - before < 100);
}

TEST_CASE("What is not used any more fades within minutes") {
  Traffic traffic;
  for (int i = 0; i < 1000; ++i) traffic.request("old", 20ms);
  const double before = traffic.hottest()[0].requests();
  traffic.now += 60s;
  CHECK(traffic.hottest()[0].requests() < before / 2);
  traffic.now += 30min;
  CHECK(traffic.hottest().empty());
}

TEST_CASE("Keys are ranked by what is asked for") {
  Traffic traffic;
  for (int i = 0; i < 200; ++i) {
    traffic.request("read", 30ms);
    traffic.request("read", 30ms);
    traffic.request("written", 30ms, true);
    if (i % 10 == 0) traffic.request("long", 30ms, false, 100'000);
  }
  CHECK(traffic.hottest(HotBy::Requests)[0].key == "read");
  CHECK(traffic.hottest(HotBy::Reads)[0].key == "read");
  CHECK(traffic.hottest(HotBy::Writes)[0].key == "written");
  CHECK(traffic.hottest(HotBy::Writes).size() == 1);
  CHECK(traffic.hottest(HotBy::Bytes)[0].key == "long");
}

TEST_CASE("However many keys there are, memory stays the same") {
  Traffic traffic;
  for (int i = 0; i < 20'000; ++i) {
    traffic.request("key" + std::to_string(i), 30ms);
    traffic.request("hot", 30ms);
  }
  CHECK(traffic.use.hot(traffic.now).size() <= 2 * KeyUse::kPlaces);
  const auto keys = traffic.hottest();
  CHECK(keys[0].key == "hot");
  CHECK(keys[0].doubt < keys[0].requests() / 2);
}

TEST_CASE("Large requests are kept by key, the largest of each") {
  Traffic traffic;
  for (const std::size_t size : {std::size_t{2}, std::size_t{5}, std::size_t{3}}) traffic.request("big", 1ms, true, size << 20U);
  for (std::size_t i = 0; i < 2 * KeyUse::kLargest; ++i)
    traffic.request("other" + std::to_string(i), 1ms, true, (1U << 20U) + i);
  CHECK(traffic.use.big().size() == KeyUse::kLargest);
  const auto keys = mergeBig({traffic.use.big(), traffic.use.big()}, 2);
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].key == "big");
  CHECK(keys[0].bytes == 5U << 20U);
  CHECK_FALSE(keys[0].reply);
  CHECK(keys[1].key == "other" + std::to_string(2 * KeyUse::kLargest - 1));
}

TEST_CASE("Switched off nothing is kept, and switched on it begins anew") {
  Traffic traffic;
  for (int i = 0; i < 100; ++i) traffic.request("key", 30ms);
  traffic.config.hotKeys = false;
  for (int i = 0; i < 1000; ++i) traffic.request("key", 1ms, true, i == 0 ? 2U << 20U : 10);
  CHECK(traffic.looks == 100);
  CHECK(traffic.hottest().empty());
  CHECK(traffic.use.big().empty());
  traffic.config.hotKeys = true;
  for (int i = 0; i < 1000; ++i) traffic.request("key", 1ms);
  CHECK(traffic.hottest()[0].key == "key");
}

TEST_CASE("Workers' parts become one") {
  HotKey a;
  a.key = "k";
  a.hash = 1;
  a.reads = 2;
  HotKey b = a;
  b.writes = 1;
  const auto keys = mergeHot({{a}, {b}}, HotBy::Requests, 10);
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].reads == 4);
  CHECK(keys[0].writes == 1);
}

TEST_CASE("A long key is cut, and told apart from others that begin alike") {
  Traffic traffic;
  const std::string begin(500, 'x');
  traffic.request(begin + "1", 1s);
  traffic.request(begin + "2", 1s);
  const auto keys = traffic.hottest();
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].key.size() == KeyUse::kMostShown);
}

TEST_CASE("A key is shown in one word") {
  CHECK(shownKey("user:1") == "user:1");
  CHECK(shownKey("a b\n\\\"") == "a\\x20b\\x0a\\x5c\\x22");
}

}  // namespace
}  // namespace slotless::session
