// The topology where CLUSTER SLOTS is denied: of CLUSTER NODES, of CLUSTER SHARDS.
#include "proxy/discovery/topology_listing.h"

#include <string>

#include "refreshing.h"

namespace slotless::discovery {
namespace {

using net::Address;
using test::bulk;
using test::list;
using test::number;
using test::Refreshing;
using test::replyOf;

constexpr std::string_view kDenied = "-NOPERM this user has no permissions to run the 'cluster' command\r\n";
const std::string kInfo = bulk("redis_version:7.0.15\r\n");

std::string shardNode(const std::string& id, const std::string& endpoint, int port, const std::string& role,
                      const std::string& health = "online") {
  return list({bulk("id"), bulk(id), bulk("port"), number(port), bulk("ip"), bulk("10.0.0.9"),
               bulk("endpoint"), bulk(endpoint), bulk("role"), bulk(role), bulk("replication-offset"),
               number(5), bulk("health"), bulk(health)});
}

std::string shard(const std::vector<std::string>& slots, const std::vector<std::string>& nodes) {
  return list({bulk("slots"), list(slots), bulk("nodes"), list(nodes)});
}

const std::string kShards = list(
    {shard({number(0), number(99), number(200), number(16383)},
           {shardNode("id-a", "10.0.0.1", 7000, "master"), shardNode("id-b", "10.0.0.2", 7001, "replica"),
            shardNode("id-c", "10.0.0.3", 7002, "replica", "fail")}),
     shard({number(100), number(199)}, {shardNode("id-d", "", 7003, "master")})});

TEST_CASE("lines of CLUSTER NODES make a topology", "[listing]") {
  const auto listed = parseNodes(
      "a 10.0.0.1:7000@17000 master - 0 0 3 connected 0-99 101 200-16383 [5->-d]\n"
      "b 10.0.0.2:7001@17001 slave a 0 0 3 connected\n"
      "c 10.0.0.3:7002@17002 slave,fail a 0 0 3 disconnected\n"
      "d 10.0.0.4:7003@17003,name-d master - 0 0 4 connected 100 102-199\n"
      "e 10.0.0.5:7004@17004 master - 0 0 0 connected\n",
      "10.9.9.9");
  const auto topology = topologyOf(listed);
  REQUIRE(topology);
  CHECK(topology->complete());
  const auto ownerOf = [&](std::size_t slot) { return topology->nodes[topology->owners[slot]].address; };
  CHECK(ownerOf(0) == Address{"10.0.0.1", 7000});
  CHECK(ownerOf(100) == Address{"10.0.0.4", 7003});
  CHECK(ownerOf(101) == Address{"10.0.0.1", 7000});
  CHECK(ownerOf(199) == Address{"10.0.0.4", 7003});
  const cluster::Node& first = topology->nodes[topology->owners[0]];
  CHECK(first.epoch == 3);
  REQUIRE(first.replicas.size() == 1);
  CHECK(topology->nodes[first.replicas[0]].address == Address{"10.0.0.2", 7001});
  CHECK(topology->isMaster({"10.0.0.5", 7004}));
  CHECK(topology->find({"name-d", 7003}));
  CHECK_FALSE(topology->find({"10.0.0.3", 7002}));
}

TEST_CASE("slots that make no sense are left out, and lines without any make no topology", "[listing]") {
  const auto listed =
      parseNodes("a 10.0.0.1:7000@17000 master - 0 0 3 connected 5-1 x 0-99999 16384 7-8\n", "h");
  const auto topology = topologyOf(listed);
  REQUIRE(topology);
  CHECK(topology->slotsCovered() == 2);
  CHECK_FALSE(topologyOf(parseNodes("a 10.0.0.1:7000@17000 master - 0 0 3 connected\n", "h")));
  CHECK_FALSE(topologyOf({}));
}

TEST_CASE("CLUSTER SHARDS makes a topology", "[listing]") {
  const auto topology = topologyOf(parseShards(*replyOf(kShards), "10.9.9.9"));
  REQUIRE(topology);
  CHECK(topology->complete());
  const cluster::Node& first = topology->nodes[topology->owners[0]];
  CHECK(first.address == Address{"10.0.0.1", 7000});
  CHECK(first.id == "id-a");
  CHECK(first.replicas.size() == 1);
  CHECK(topology->nodes[topology->owners[150]].address == Address{"10.9.9.9", 7003});
}

TEST_CASE("of a node that has both ports in CLUSTER SHARDS, the one that is wanted is taken", "[listing]") {
  const auto node = [](const std::string& id, const std::vector<std::string>& ports) {
    std::vector<std::string> words{bulk("id"), bulk(id)};
    words.insert(words.end(), ports.begin(), ports.end());
    for (const std::string& word :
         {bulk("endpoint"), bulk("10.0.0.1"), bulk("role"), bulk("master"), bulk("health"), bulk("online")})
      words.push_back(word);
    return list(words);
  };
  const std::string reply =
      list({shard({number(0), number(99)},
                  {node("a", {bulk("port"), number(7000), bulk("tls-port"), number(8000)})}),
            shard({number(100), number(199)}, {node("b", {bulk("port"), number(7001)})}),
            shard({number(200), number(16383)}, {node("c", {bulk("tls-port"), number(8002)})})});
  const auto portsOf = [&](Ports ports) {
    const auto topology = topologyOf(parseShards(*replyOf(reply), "h", {}, ports));
    REQUIRE(topology);
    const auto portAt = [&](std::size_t slot) {
      return topology->nodes[topology->owners[slot]].address.port;
    };
    return std::vector{portAt(0), portAt(100), portAt(200)};
  };
  CHECK(portsOf(Ports::Plain) == std::vector<std::uint16_t>{7000, 7001, 8002});
  CHECK(portsOf(Ports::Tls) == std::vector<std::uint16_t>{8000, 7001, 8002});
}

TEST_CASE("an answer that is no CLUSTER SHARDS names nobody", "[listing]") {
  for (const std::string& reply :
       {bulk("x"), list({}), list({bulk("x")}), list({list({bulk("slots"), bulk("nodes")})}),
        list({shard({number(-1), number(5)}, {list({bulk("id"), bulk("a")})})}), number(3)}) {
    CHECK_FALSE(topologyOf(parseShards(*replyOf(reply), "h")));
  }
}

TEST_CASE_METHOD(Refreshing, "where CLUSTER SLOTS is denied CLUSTER NODES tells", "[refresh]") {
  telemetry::Denials denials;
  settings.access.denials = &denials;
  start();
  answersText(open().front(), std::string(kDenied) +
                                  bulk(test::nodesText({{7000, 0, 99, 1, {7002}}, {7001, 100, 16383, 2}})) +
                                  kInfo);
  REQUIRE(published.size() == 1);
  CHECK(ownerPort(0) == 7000);
  CHECK(ownerPort(100) == 7001);
  CHECK(published[0]->nodes[published[0]->owners[0]].epoch == 1);
  REQUIRE(denials.rows().size() == 1);
  CHECK(denials.rows()[0].what == telemetry::Deniable::ClusterSlots);
  // Each round asks some of the nodes.
  for (int timers = 0; timers < 50 && !denials.rows().empty(); ++timers) {
    advanceToNextTimer();
    for (const auto& query : open()) answers(query, {{7000, 0, 99, 1, {7002}}, {7001, 100, 16383, 2}});
  }
  CHECK(denials.rows().empty());
  CHECK(published.size() == 1);
}

TEST_CASE_METHOD(Refreshing, "where CLUSTER NODES is denied, too, CLUSTER SHARDS is asked the next time",
                 "[refresh]") {
  start();
  answersText(open().front(), std::string(kDenied) + std::string(kDenied) + kInfo);
  CHECK(published.empty());
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].find("NOPERM") != std::string::npos);
  advanceToNextTimer();
  answersText(open().front(), std::string(kDenied) + std::string(kDenied) + kInfo + kShards);
  REQUIRE(published.size() == 1);
  CHECK(published[0]->complete());
}

TEST_CASE_METHOD(Refreshing, "where all of it is denied the failure is told", "[refresh]") {
  start();
  answersText(open().front(), std::string(kDenied) + std::string(kDenied) + kInfo);
  advanceToNextTimer();
  answersText(open().front(), std::string(kDenied) + std::string(kDenied) + kInfo + std::string(kDenied));
  CHECK(published.empty());
  CHECK(failures.size() == 2);
}

}  // namespace
}  // namespace slotless::discovery
