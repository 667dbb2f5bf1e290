// What other proxies have counts as what is had here, for as long as they have it.
#include "proxy/peers/peer_counts.h"

#include "catch.h"

using namespace slotless;
using namespace slotless::peers;
using pubsub::Census;
using pubsub::TopicKind;

namespace {

const net::Address kFirstNode{"10.0.0.1", 7001};
const net::Address kSecondNode{"10.0.0.1", 7002};

cluster::Topology twoMasters() {
  cluster::Topology topology;
  topology.nodes = {{"one", kFirstNode, true, 1, {}}, {"two", kSecondNode, true, 1, {}}};
  return topology;
}

Counts ofOneTopic(TopicKind kind, std::int64_t listeners, std::int64_t upstream,
                  const std::string& node = "one") {
  return {false, {node}, {{kind, "news", listeners, {{0, upstream}}}}};
}

struct Ledger {
  Census census;
  PeerCounts counts{census};
  cluster::Topology topology = twoMasters();

  std::int64_t listeners() const { return census.of(TopicKind::Channel, "news").listeners; }
  std::int64_t upstream() const { return census.of(TopicKind::Channel, "news").upstream; }
};

}  // namespace

TEST_CASE_METHOD(Ledger, "subscribers of peers are added to one's own, and leave with the peer") {
  census.addListeners(TopicKind::Channel, "news", 2);
  census.addUpstream(TopicKind::Channel, "news", kFirstNode, 1);
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2), topology);
  counts.set("b", ofOneTopic(TopicKind::Channel, 10, 1), topology);
  CHECK(listeners() == 15);
  CHECK(upstream() == 4);
  CHECK(census.reachedBy("news", kFirstNode).upstream == 4);
  CHECK(census.reachedBy("news", kSecondNode).upstream == 0);
  counts.set("b", ofOneTopic(TopicKind::Channel, 1, 1), topology);
  CHECK(listeners() == 6);
  counts.drop("a");
  CHECK(listeners() == 3);
  CHECK(upstream() == 2);
  counts.set("b", {}, topology);
  counts.drop("nobody");
  CHECK(listeners() == 2);
  CHECK(upstream() == 1);
}

TEST_CASE("who ends takes with it what it has entered") {
  Census census;
  const cluster::Topology topology = twoMasters();
  {
    PeerCounts counts(census);
    counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2), topology);
    CHECK(census.of(TopicKind::Channel, "news").listeners == 3);
  }
  CHECK(census.of(TopicKind::Channel, "news").listeners == 0);
  CHECK(census.of(TopicKind::Channel, "news").upstream == 0);
}

TEST_CASE_METHOD(Ledger, "nodes are known by their names, by their addresses, or not at all") {
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2, "two"), topology);
  CHECK(census.reachedBy("news", kSecondNode).upstream == 2);
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2, kFirstNode.text()), topology);
  CHECK(census.reachedBy("news", kFirstNode).upstream == 2);
  CHECK(census.reachedBy("news", kSecondNode).upstream == 0);
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2, "three"), topology);
  CHECK(census.reachedBy("news", kFirstNode).upstream == 0);
  CHECK(upstream() == 2);
}

TEST_CASE_METHOD(Ledger, "a node that has another address now counts there") {
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2), topology);
  topology.nodes[0].address.port = 7009;
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2), topology);
  CHECK(census.reachedBy("news", kFirstNode).upstream == 0);
  CHECK(census.reachedBy("news", {"10.0.0.1", 7009}).upstream == 2);
}

TEST_CASE_METHOD(Ledger, "one server without a name is the one that all mean, whatever they call it") {
  topology.nodes = {{"", kFirstNode, true, 0, {}}, {"", kSecondNode, false, 0, {}}};
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2, "redis.example:6379"), topology);
  CHECK(census.reachedBy("news", kFirstNode).upstream == 2);
}

TEST_CASE_METHOD(Ledger, "of one that has a name, or of several servers, nobody is taken for another") {
  topology.nodes = {{"one", kFirstNode, true, 0, {}}};
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2, "other"), topology);
  CHECK(census.reachedBy("news", kFirstNode).upstream == 0);
  topology.nodes = {{"", kFirstNode, true, 0, {}}, {"", kSecondNode, true, 0, {}}};
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2, "other"), topology);
  CHECK(census.reachedBy("news", kFirstNode).upstream == 0);
  topology.nodes.clear();
  counts.set("a", ofOneTopic(TopicKind::Channel, 3, 2, "other"), topology);
  CHECK(upstream() == 2);
}

TEST_CASE("what is told is what nodes' counts do not show") {
  Census census;
  const cluster::Topology topology = twoMasters();
  census.addListeners(TopicKind::Channel, "shown", 1);
  census.addUpstream(TopicKind::Channel, "shown", kFirstNode, 1);
  CHECK(ownCounts(census, topology) == Counts{});
  census.addListeners(TopicKind::Channel, "news", 4);
  census.addUpstream(TopicKind::Channel, "news", kSecondNode, 1);
  CHECK(ownCounts(census, topology) == Counts{false, {"two"}, {{TopicKind::Channel, "news", 4, {{0, 1}}}}});
  census.addUpstream(TopicKind::Channel, "news", {"10.9.9.9", 1}, 1);
  CHECK(ownCounts(census, topology) ==
        Counts{false, {"two", "10.9.9.9:1"}, {{TopicKind::Channel, "news", 4, {{0, 1}, {1, 1}}}}});
}

TEST_CASE("what peers have is not told as one's own") {
  Census census;
  PeerCounts counts(census);
  const cluster::Topology topology = twoMasters();
  counts.set("a", ofOneTopic(TopicKind::Pattern, 3, 2), topology);
  CHECK(ownCounts(census, topology) == Counts{});
}

TEST_CASE("too many topics are not told") {
  Census census;
  const cluster::Topology topology = twoMasters();
  for (std::size_t i = 0; i <= kMostTopics; ++i)
    census.addListeners(TopicKind::Pattern, "p" + std::to_string(i), 1);
  CHECK(ownCounts(census, topology) == Counts{true, {}, {}});
  census.addListeners(TopicKind::Pattern, "p0", -1);
  CHECK(ownCounts(census, topology).topics.size() == kMostTopics);
}
