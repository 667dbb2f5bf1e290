#include "proxy/pubsub/census.h"

#include <thread>
#include <vector>

#include "catch.h"

using namespace slotless;
using namespace slotless::pubsub;

namespace {
const net::Address kOne{"10.0.0.1", 7001};
const net::Address kTwo{"10.0.0.1", 7002};
}  // namespace

TEST_CASE("a message reaches those who listen to its channel and to patterns that match it") {
  Census census;
  census.addListeners(TopicKind::Channel, "news", 3);
  census.addListeners(TopicKind::Pattern, "n*", 2);
  census.addListeners(TopicKind::Pattern, "x*", 7);
  census.addListeners(TopicKind::Shard, "news", 11);
  census.addUpstream(TopicKind::Channel, "news", kOne, 1);
  census.addUpstream(TopicKind::Channel, "news", kOne, 1);
  census.addUpstream(TopicKind::Pattern, "n*", kTwo, 1);
  CHECK(census.reachedBy("news", kOne).listeners == 5);
  CHECK(census.reachedBy("news", kOne).upstream == 2);
  CHECK(census.reachedBy("news", kTwo).upstream == 1);
  CHECK(census.reachedBy("other", kOne).listeners == 0);
  CHECK(census.reachedByShard("news", kOne).listeners == 11);
  CHECK(census.reachedByShard("news", kOne).upstream == 0);
}

TEST_CASE("what has come and gone leaves nothing") {
  Census census;
  census.addListeners(TopicKind::Channel, "news", 2);
  census.addUpstream(TopicKind::Channel, "news", kOne, 1);
  CHECK(census.of(TopicKind::Channel, "news").listeners == 2);
  CHECK(census.of(TopicKind::Channel, "news").upstream == 1);
  census.addListeners(TopicKind::Channel, "news", -2);
  census.addUpstream(TopicKind::Channel, "news", kOne, -1);
  CHECK(census.of(TopicKind::Channel, "news").listeners == 0);
  CHECK(census.of(TopicKind::Channel, "news").upstream == 0);
}

TEST_CASE("who is leaving counts no longer, and is known to have left") {
  Census census;
  census.addListeners(TopicKind::Channel, "news", 2);
  census.addListeners(TopicKind::Pattern, "n*", 1);
  census.addListeners(TopicKind::Shard, "news", 1);
  census.addUpstream(TopicKind::Pattern, "n*", kOne, 1);
  census.addUpstream(TopicKind::Shard, "news", kOne, 1);
  census.addDeparture(TopicKind::Channel, "news");
  CHECK(census.reachedBy("news", kOne).listeners == 2);
  CHECK(census.reachedBy("news", kOne).departures == 1);
  census.addDeparture(TopicKind::Pattern, "n*");
  CHECK(census.reachedBy("news", kOne).listeners == 1);
  CHECK(census.reachedBy("news", kOne).departures == 2);
  CHECK(census.excessPatterns() == 1);
  census.addDeparture(TopicKind::Shard, "news");
  CHECK(census.reachedByShard("news", kOne).listeners == 0);
  CHECK(census.reachedByShard("news", kOne).departures == 1);
}

TEST_CASE(
    "a pattern at several nodes counts once, whichever workers have it, and one of workers only never") {
  Census census;
  census.addListeners(TopicKind::Pattern, "*", 5);
  census.addUpstream(TopicKind::Pattern, "*", kOne, 1);
  census.addUpstream(TopicKind::Pattern, "*", kOne, 1);
  CHECK(census.excessPatterns() == 0);
  census.addUpstream(TopicKind::Pattern, "*", kTwo, 1);
  CHECK(census.excessPatterns() == 1);
  census.addUpstream(TopicKind::Pattern, "__keyspace@0__:*", kOne, 1);
  census.addUpstream(TopicKind::Pattern, "__keyspace@0__:*", kTwo, 1);
  CHECK(census.excessPatterns() == 3);
}

TEST_CASE("what only workers are subscribed to is not of clients") {
  Census census;
  census.addUpstream(TopicKind::Channel, "a", kOne, 1);
  CHECK_FALSE(census.isOfClients(TopicKind::Channel, "a"));
  census.addListeners(TopicKind::Channel, "a", 1);
  CHECK(census.isOfClients(TopicKind::Channel, "a"));
  CHECK(census.isOfClients(TopicKind::Channel, "of somebody else"));
}

TEST_CASE("workers may count at the same time") {
  Census census;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        census.addListeners(TopicKind::Channel, "news", 1);
        census.addUpstream(TopicKind::Channel, "news", kOne, 1);
        census.addUpstream(TopicKind::Channel, "news", kOne, -1);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(census.of(TopicKind::Channel, "news").listeners == 4000);
  CHECK(census.of(TopicKind::Channel, "news").upstream == 0);
}
