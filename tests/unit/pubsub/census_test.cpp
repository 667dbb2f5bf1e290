#include "proxy/pubsub/census.h"

#include <thread>
#include <vector>

#include "catch.h"
#include "proxy/pubsub/peer_channel.h"

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

TEST_CASE("what others have counts in every answer as what is had here") {
  Census census;
  census.addListeners(TopicKind::Channel, "news", 2);
  census.addUpstream(TopicKind::Channel, "news", kOne, 1);
  census.replaceOthers(TopicKind::Channel, "news", {}, {3, {{kOne, 2}, {kTwo, 1}}});
  census.replaceOthers(TopicKind::Pattern, "n*", {}, {5, {{kTwo, 1}}});
  census.replaceOthers(TopicKind::Shard, "news", {}, {7, {{kOne, 1}}});
  CHECK(census.of(TopicKind::Channel, "news").listeners == 5);
  CHECK(census.of(TopicKind::Channel, "news").upstream == 4);
  CHECK(census.reachedBy("news", kOne).listeners == 10);
  CHECK(census.reachedBy("news", kOne).upstream == 3);
  CHECK(census.reachedBy("news", kTwo).upstream == 2);
  CHECK(census.reachedByShard("news", kOne).listeners == 7);
  CHECK(census.reachedByShard("news", kOne).upstream == 1);
}

TEST_CASE("what others had is replaced, and leaves nothing") {
  Census census;
  const TopicShare first{3, {{kOne, 2}, {kTwo, 1}}};
  const TopicShare second{1, {{kTwo, 4}}};
  census.replaceOthers(TopicKind::Channel, "news", {}, first);
  census.replaceOthers(TopicKind::Channel, "news", {}, first);  // of somebody else
  census.replaceOthers(TopicKind::Channel, "news", first, second);
  CHECK(census.of(TopicKind::Channel, "news").listeners == 4);
  CHECK(census.reachedBy("news", kOne).upstream == 2);
  CHECK(census.reachedBy("news", kTwo).upstream == 5);
  census.replaceOthers(TopicKind::Channel, "news", first, {});
  census.replaceOthers(TopicKind::Channel, "news", second, {});
  CHECK(census.of(TopicKind::Channel, "news").listeners == 0);
  CHECK(census.of(TopicKind::Channel, "news").upstream == 0);
  census.replaceOthers(TopicKind::Channel, "nothing", {}, {});
  CHECK(census.isOfClients(TopicKind::Channel, "nothing"));
}

TEST_CASE("a pattern counts once at each node, whichever proxy has it") {
  Census census;
  census.addListeners(TopicKind::Pattern, "a*", 1);
  census.addUpstream(TopicKind::Pattern, "a*", kOne, 1);
  const TopicShare sameNode{2, {{kOne, 3}}};
  census.replaceOthers(TopicKind::Pattern, "a*", {}, sameNode);
  CHECK(census.excessPatterns() == 0);
  census.replaceOthers(TopicKind::Pattern, "a*", sameNode, {2, {{kTwo, 3}}});
  CHECK(census.excessPatterns() == 1);
  census.replaceOthers(TopicKind::Pattern, "b*", {}, {0, {{kOne, 1}}});
  CHECK(census.excessPatterns() == 2);
}

TEST_CASE("what only workers of others are subscribed to is not of clients, either") {
  Census census;
  census.replaceOthers(TopicKind::Channel, "a", {}, {0, {{kOne, 1}}});
  CHECK_FALSE(census.isOfClients(TopicKind::Channel, "a"));
  census.replaceOthers(TopicKind::Channel, "a", {}, {1, {}});
  CHECK(census.isOfClients(TopicKind::Channel, "a"));
}

TEST_CASE("the proxies' own pattern reaches no client and costs no comparison") {
  Census census;
  const std::string channel(kPeerChannel);
  census.addUpstream(TopicKind::Pattern, kPeerPattern, kOne, 1);
  CHECK(census.reachedBy(channel, kOne).upstream == 0);
  CHECK(census.comparisons() == 0);
  census.addUpstream(TopicKind::Pattern, kPeerPattern, kOne, -1);
  census.addListeners(TopicKind::Pattern, "n*", 1);
  CHECK(census.reachedBy("news", kOne).listeners == 1);
}

TEST_CASE("uneven is what nodes' counts do not show to others") {
  struct Row {
    const char* what;
    TopicKind kind;
    std::int64_t listeners;
    std::vector<net::Address> nodes;
    bool isUneven;
  };
  const auto row = GENERATE(values<Row>({
      {"one client of one worker", TopicKind::Channel, 1, {kOne}, false},
      {"one of each of two workers", TopicKind::Shard, 2, {kOne, kOne}, false},
      {"more clients than workers", TopicKind::Channel, 2, {kOne}, true},
      {"a worker for itself", TopicKind::Channel, 0, {kOne}, true},
      {"a client that has no subscription yet", TopicKind::Channel, 1, {}, true},
      {"a channel at every master", TopicKind::Channel, 2, {kOne, kTwo}, true},
      {"a pattern, since channels are published elsewhere", TopicKind::Pattern, 1, {kOne}, true},
  }));
  INFO(row.what);
  Census census;
  const std::uint64_t before = census.unevenVersion();
  census.addListeners(row.kind, "t", row.listeners);
  for (const net::Address& node : row.nodes) census.addUpstream(row.kind, "t", node, 1);
  CHECK(census.uneven(10, 10)->size() == (row.isUneven ? 1U : 0U));
  CHECK(census.unevenVersion() > before);
  if (row.isUneven) {
    CHECK(census.uneven(10, 10)->front().kind == row.kind);
    CHECK(census.uneven(10, 10)->front().name == "t");
    CHECK(census.uneven(10, 10)->front().share.listeners == row.listeners);
  }
  census.addListeners(row.kind, "t", -row.listeners);
  for (const net::Address& node : row.nodes) census.addUpstream(row.kind, "t", node, -1);
  CHECK(census.uneven(0, 0)->empty());
}

TEST_CASE("what is even changes nothing that is told, and what others have is not told") {
  Census census;
  census.addUpstream(TopicKind::Channel, "a", kOne, 1);
  census.addListeners(TopicKind::Channel, "a", 1);
  const std::uint64_t version = census.unevenVersion();
  census.replaceOthers(TopicKind::Pattern, "x*", {}, {1, {{kOne, 1}}});
  CHECK(census.unevenVersion() == version);
  CHECK(census.uneven(0, 0)->empty());
}

TEST_CASE("too many topics, or too long names, are not listed") {
  Census census;
  for (const char* name : {"aa", "bb", "cc"}) census.addListeners(TopicKind::Pattern, name, 1);
  CHECK(census.uneven(3, 6));
  CHECK_FALSE(census.uneven(2, 6));
  CHECK_FALSE(census.uneven(3, 5));
  census.addListeners(TopicKind::Pattern, "cc", -1);
  CHECK(census.uneven(2, 4));
}

TEST_CASE("the latest report of other proxies is at hand") {
  Census census;
  CHECK(census.peers() == nullptr);
  auto report = std::make_shared<PeerReport>();
  report->heard = 3;
  census.setPeers(report);
  CHECK(census.peers()->heard == 3);
}
