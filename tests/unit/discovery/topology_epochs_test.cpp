// When nodes disagree, the claim with the higher epoch wins, slot by slot.
#include <string>
#include <vector>

#include "catch.h"
#include "cluster_text.h"
#include "proxy/discovery/topology_parser.h"

namespace slotless::discovery {
namespace {

using test::Shard;

struct Answer {
  std::vector<ListedNode> listed;
  cluster::Topology topology;
};

Answer answer(const std::vector<Shard>& shards) {
  Answer answer{parseNodes(test::nodesText(shards), "127.0.0.1"), {}};
  answer.topology = parseSlots(*test::replyOf(test::slotsReply(shards)), "127.0.0.1", answer.listed).value();
  return answer;
}

const cluster::Node& ownerOf(const cluster::Topology& topology, std::size_t slot) {
  return topology.nodes.at(topology.owners.at(slot));
}

TEST_CASE("a higher or an equal epoch moves a slot", "[epochs]") {
  const cluster::Topology known = answer({{7000, 0, 16383, 5}, {7001, -1, -1, 4}}).topology;
  for (const std::uint64_t epoch : {5U, 6U}) {
    Answer fresh = answer({{7000, -1, -1, 5}, {7001, 0, 16383, epoch}});
    CHECK(keepHigherEpochs(known, fresh.listed, fresh.topology) == 0);
    CHECK(ownerOf(fresh.topology, 0).address.port == 7001);
  }
}

TEST_CASE("a master left behind in a minority does not take its slots back", "[epochs]") {
  // 7001 has been promoted in the majority, with epoch 7. 7000 still takes it for its replica.
  const cluster::Topology known = answer({{7001, 0, 16383, 7, {7002}}, {7000, -1, -1, 5}}).topology;
  const std::vector<Shard> stale = {{7000, 0, 16383, 5, {7001, 7002}}};
  Answer first = answer(stale);
  CHECK(keepHigherEpochs(known, first.listed, first.topology) == 16384);
  const cluster::Node& owner = ownerOf(first.topology, 0);
  CHECK(owner.address.port == 7001);
  CHECK(owner.master);
  CHECK(owner.epoch == 7);
  CHECK(first.topology.complete());
  for (const cluster::Node& node : first.topology.nodes) {
    for (const cluster::NodeIndex replica : node.replicas) CHECK_FALSE(first.topology.nodes[replica].master);
  }
  // And it stays so however often the stale node is asked.
  Answer second = answer(stale);
  CHECK(keepHigherEpochs(first.topology, second.listed, second.topology) == 16384);
  CHECK(ownerOf(second.topology, 16383).address.port == 7001);
  CHECK(second.topology.sameLayout(first.topology));
}

TEST_CASE("slots are not nobody's because a node has not yet heard of the successor", "[epochs]") {
  // 7000 has told 7002 that it is a replica now; the claim of 7001, its successor, is still on its way to
  // 7002.
  const auto told = [](std::string_view flagsOf7000, std::string_view flagsOf7001) {
    Answer fresh = answer({{7002, 8192, 16383, 3}});
    const auto add = [&](std::uint16_t port, std::string_view flags, std::string_view epoch) {
      const std::string at = std::to_string(port);
      const std::string line = test::idOf(port) + " 127.0.0.1:" + at + " " + std::string(flags) + " 0 0 " +
                               std::string(epoch) + " connected";
      fresh.listed.push_back(parseNodes(line, "h").at(0));
    };
    add(7000, flagsOf7000, "8");
    add(7001, flagsOf7001, "8");
    return fresh;
  };
  const cluster::Topology before = answer({{7000, 0, 8191, 7, {7001}}, {7002, 8192, 16383, 3}}).topology;
  const cluster::Topology after = answer({{7001, 0, 8191, 8, {7000}}, {7002, 8192, 16383, 3}}).topology;
  for (const cluster::Topology* known : {&before, &after}) {
    // Or only that 7000 has no slots any more.
    for (const std::string_view flags : {"slave id-7001", "master -"}) {
      Answer fresh = told(flags, "slave id-7000");
      CHECK(keepHigherEpochs(*known, fresh.listed, fresh.topology) == 8192);
      CHECK(ownerOf(fresh.topology, 0).id == ownerOf(*known, 0).id);
      CHECK(fresh.topology.complete());
    }
  }
  // The owner itself knows best.
  Answer fresh = told("myself,slave id-7001", "slave id-7000");
  CHECK(keepHigherEpochs(before, fresh.listed, fresh.topology) == 0);
  CHECK(fresh.topology.owners[0] == cluster::kNoNode);
}

TEST_CASE("only the slots with a lower claim are kept", "[epochs]") {
  const cluster::Topology known = answer({{7000, 0, 8191, 5}, {7001, 8192, 16383, 9}}).topology;
  // The answering node has heard neither of the move of the upper half to 7001 nor of its epoch, but 7002 is
  // new.
  Answer fresh = answer({{7000, 8192, 16383, 5}, {7001, -1, -1, 2}, {7002, 0, 8191, 6}});
  CHECK(keepHigherEpochs(known, fresh.listed, fresh.topology) == 8192);
  CHECK(ownerOf(fresh.topology, 0).address.port == 7002);
  CHECK(ownerOf(fresh.topology, 8192).address.port == 7001);
}

TEST_CASE("a cluster that was made anew is believed though its epochs are lower", "[epochs]") {
  const cluster::Topology known = answer({{7000, 0, 16383, 50}}).topology;
  Answer fresh = answer({{7100, 0, 16383, 1}});
  CHECK(keepHigherEpochs(known, fresh.listed, fresh.topology) == 0);
  CHECK(ownerOf(fresh.topology, 0).address.port == 7100);
  CHECK(fresh.topology.nodes.size() == 1);
}

TEST_CASE("without epochs the newest answer wins", "[epochs]") {
  const cluster::Topology known = answer({{7000, 0, 16383, 5}}).topology;
  cluster::Topology fresh =
      parseSlots(*test::replyOf(test::slotsReply({{7001, 0, 16383, 0}})), "h", {}).value();
  CHECK(keepHigherEpochs(known, {}, fresh) == 0);
  CHECK(ownerOf(fresh, 0).address.port == 7001);
}

TEST_CASE("slots that are new, or gone by their owner's word, are not kept", "[epochs]") {
  const cluster::Topology known = answer({{7000, 0, 99, 5}}).topology;
  Answer fresh = answer({{7000, -1, -1, 5}, {7001, 50, 200, 1}});
  fresh.listed.front().myself = true;
  CHECK(keepHigherEpochs(known, fresh.listed, fresh.topology) == 50);
  CHECK(fresh.topology.owners[0] == cluster::kNoNode);
  CHECK(ownerOf(fresh.topology, 50).address.port == 7000);
  CHECK(ownerOf(fresh.topology, 150).address.port == 7001);
}

TEST_CASE("a node that has moved to another address keeps its slots there", "[epochs]") {
  const cluster::Topology known = answer({{7000, 0, 16383, 5}}).topology;
  Answer fresh = answer({{7000, 0, 16383, 5}});
  fresh.topology.nodes[0].address = {"10.0.0.2", 7000};
  CHECK(keepHigherEpochs(known, fresh.listed, fresh.topology) == 0);
  CHECK(ownerOf(fresh.topology, 0).address.host == "10.0.0.2");
}

TEST_CASE("sorting brings nodes into the order of their addresses and changes no relation", "[epochs]") {
  cluster::Topology topology;
  topology.nodes = {{"c", {"10.0.0.3", 1}, true, 3, {2, 1}},
                    {"b", {"10.0.0.2", 9}, false, 0, {}},
                    {"a", {"10.0.0.2", 1}, false, 0, {}},
                    {"d", {"10.0.0.1", 1}, true, 4, {}}};
  topology.owners[7] = 0;
  topology.owners[8] = 3;
  topology.sortNodes();
  std::string order;
  for (const cluster::Node& node : topology.nodes) order += node.id;
  CHECK(order == "dabc");
  CHECK(ownerOf(topology, 7).id == "c");
  CHECK(ownerOf(topology, 7).replicas == std::vector<cluster::NodeIndex>{1, 2});
  CHECK(ownerOf(topology, 8).id == "d");
  CHECK(topology.owners[9] == cluster::kNoNode);
  CHECK(topology.find({"10.0.0.2", 9}) == cluster::NodeIndex{2});
  CHECK_FALSE(topology.find({"10.0.0.2", 8}).has_value());
}

TEST_CASE("layouts are the same whatever order the rows came in, and differ in each thing that matters",
          "[epochs]") {
  const cluster::Topology one = answer({{7000, 0, 99, 1, {7002, 7003}}, {7001, 100, 16383, 2}}).topology;
  const cluster::Topology other = answer({{7001, 100, 16383, 3}, {7000, 0, 99, 1, {7003, 7002}}}).topology;
  CHECK(one.sameLayout(other));  // epochs aside
  CHECK_FALSE(one.sameLayout(answer({{7000, 0, 98, 1, {7002, 7003}}, {7001, 99, 16383, 2}}).topology));
  CHECK_FALSE(one.sameLayout(answer({{7000, 0, 99, 1, {7002}}, {7001, 100, 16383, 2, {7003}}}).topology));
  CHECK_FALSE(one.sameLayout(answer({{7000, 0, 99, 1, {7002}}, {7001, 100, 16383, 2}}).topology));
  cluster::Topology renamed = one;
  renamed.nodes[0].id = "another";
  CHECK_FALSE(one.sameLayout(renamed));
  cluster::Topology upgraded = one;
  upgraded.serverVersion = "8.0.0";
  CHECK_FALSE(one.sameLayout(upgraded));
}

}  // namespace
}  // namespace slotless::discovery
