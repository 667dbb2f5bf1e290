// Which master deals with which slots, while some of them are on their way.
#include "proxy/routing/slot_shares.h"

#include "catch.h"

namespace slotless::routing {
namespace {

std::string nodeWith(const std::string& slots) {
  return "aaaa 127.0.0.1:1@10001,myself slave bbbb 0 1 3 connected\n"
         "bbbb 127.0.0.1:2@10002 myself,master - 0 0 7 connected" +
         (slots.empty() ? "" : " " + slots) +
         "\r\n"
         "cccc 127.0.0.1:3@10003 master - 0 1 2 connected 16000\n";
}

cluster::Topology upTo(std::size_t end) {
  cluster::Topology topology;
  topology.nodes.push_back({"aaaa", {"h", 1}, true, 4, {}});
  topology.nodes.push_back({"bbbb", {"h", 2}, true, 5, {}});
  for (std::size_t slot = 0; slot < end; ++slot) topology.owners[slot] = slot < end / 2 ? 0 : 1;
  return topology;
}

TEST_CASE("a master that moves nothing is given all that it has", "[slot_shares]") {
  SlotShares shares;
  shares.beginRound();
  const auto share = shares.give(nodeWith("0-4 7"));
  REQUIRE(share);
  CHECK(share->ranges() == "0-4 7-7");
  CHECK(share->said == "0-4 7");
  CHECK(share->whole);
  CHECK_FALSE(shares.give("aaaa 127.0.0.1:1@10001 master - 0 1 3 connected 5\n"));
}

TEST_CASE("a slot on its way is nobody's, and the node has more than its share", "[slot_shares]") {
  SlotShares shares;
  shares.beginRound();
  const auto out = shares.give(nodeWith("0-4 [3->-cccc]"));
  REQUIRE(out);
  CHECK(out->ranges() == "0-2 4-4");
  CHECK(out->said == "0-4 [3->-cccc]");
  CHECK_FALSE(out->whole);
  const auto in = shares.give(nodeWith("5-9 [3-<-bbbb]"));
  REQUIRE(in);
  CHECK(in->ranges() == "5-9");
  CHECK_FALSE(in->whole);
}

TEST_CASE("a slot is given to one master in a round, and to nobody once it is done", "[slot_shares]") {
  SlotShares shares;
  shares.beginRound();
  const auto first = shares.give(nodeWith("0-4"));
  const auto second = shares.give(nodeWith("4-9"));
  REQUIRE((first && second));
  CHECK(first->ranges() == "0-4");
  CHECK(second->ranges() == "5-9");
  CHECK_FALSE(second->whole);
  shares.done(*first);
  shares.beginRound();
  const auto again = shares.give(nodeWith("3-9"));
  REQUIRE(again);
  CHECK(again->ranges() == "5-9");
  CHECK_FALSE(again->whole);
}

TEST_CASE("slots are left as long as one that has an owner is not done", "[slot_shares]") {
  SlotShares shares;
  const cluster::Topology topology = upTo(10);
  shares.beginRound();
  CHECK(shares.anyLeft(topology));
  shares.done(*shares.give(nodeWith("0-8")));
  CHECK(shares.anyLeft(topology));
  shares.done(*shares.give(nodeWith("9")));
  CHECK_FALSE(shares.anyLeft(topology));
  CHECK(shares.anyLeft(upTo(12)));
}

TEST_CASE("where nodes may not be asked the topology tells what they have", "[slot_shares]") {
  SlotShares shares;
  const cluster::Topology topology = upTo(10);
  shares.beginRound();
  const SlotShare share = shares.giveKnown(topology, 7);
  CHECK(share.ranges() == "5-9");
  CHECK(share.said.empty());
  CHECK(share.whole);
  CHECK(shares.giveKnown(topology, 8).slots.none());
  CHECK(shares.giveKnown(topology, 12).slots.none());
  CHECK(shares.giveKnown(topology, protocol::kNoSlot).slots.none());
}

}  // namespace
}  // namespace slotless::routing
