// CLUSTER SLOTS as servers from Redis 3 to Valkey 9 write it, and as none should.
#include <string>
#include <vector>

#include "catch.h"
#include "cluster_text.h"
#include "proxy/discovery/topology_parser.h"

namespace slotless::discovery {
namespace {

using net::Address;
using test::bulk;
using test::kNull;
using test::list;
using test::number;

std::optional<cluster::Topology> parse(const std::string& resp, const std::vector<ListedNode>& listed = {}) {
  return parseSlots(*test::replyOf(resp), "10.9.9.9", listed);
}

std::optional<cluster::Topology> parseWithNodes(const std::string& slots, std::string_view nodes,
                                                const cluster::AddressMap& map = {}) {
  return parseSlots(*test::replyOf(slots), "10.9.9.9", parseNodes(nodes, "10.9.9.9", map), map);
}

std::string oneRow(const std::vector<std::string>& nodes) {
  std::vector<std::string> row = {number(0), number(16383)};
  row.insert(row.end(), nodes.begin(), nodes.end());
  return list({list(row)});
}

std::vector<Address> addresses(const cluster::Topology& topology) {
  std::vector<Address> all;
  for (const cluster::Node& node : topology.nodes) all.push_back(node.address);
  return all;
}

TEST_CASE("every slot may be a range of its own, but there are no more ranges than slots", "[slots]") {
  std::vector<std::string> rows;
  for (int slot = 0; slot < 16384; ++slot) {
    const std::string id = "id-" + std::to_string(slot % 3);
    rows.push_back(list(
        {number(slot), number(slot), list({bulk("10.0.0.1"), number(7000 + slot % 3), bulk(id), list({})})}));
  }
  const auto topology = parse(list(rows));
  REQUIRE(topology);
  CHECK(topology->slotsCovered() == 16384);
  CHECK(topology->nodes.size() == 3);
  rows.push_back(rows.front());
  CHECK_FALSE(parse(list(rows)));
}

TEST_CASE("an answer with more nodes than a cluster can have is not believed", "[slots]") {
  std::vector<std::string> rows;
  for (int slot = 0; slot < 5000; ++slot)
    rows.push_back(
        list({number(slot), number(slot), list({bulk("10.0.0.1"), number(7000 + slot), bulk("")})}));
  CHECK_FALSE(parse(list(rows)));
}

TEST_CASE("every generation of servers is understood", "[slots]") {
  struct Row {
    const char* server;
    std::string master, replica, id;
  };
  const std::string host = bulk("10.0.0.1");
  const std::string second = bulk("10.0.0.2");
  const std::string hostname = list({bulk("hostname"), bulk("one.example")});
  for (const Row& row : std::vector<Row>{
           {"Redis 3: no id", list({host, number(7000)}), list({second, number(7001)}), ""},
           {"Redis 4 to 6: id", list({host, number(7000), bulk("m")}),
            list({second, number(7001), bulk("r")}), "m"},
           {"Redis 7: empty metadata", list({host, number(7000), bulk("m"), list({})}),
            list({second, number(7001), bulk("r"), list({})}), "m"},
           {"Redis 7 and 8: a hostname beside the address", list({host, number(7000), bulk("m"), hostname}),
            list({second, number(7001), bulk("r"), hostname}), "m"},
           {"Valkey: more fields than we know",
            list({host, number(7000), bulk("m"), list({bulk("hostname"), bulk("h"), bulk("zone"), number(3)}),
                  bulk("later"), list({number(1), list({kNull})})}),
            list({second, number(7001), bulk("r"), kNull}), "m"}}) {
    INFO(row.server);
    const auto topology = parse(oneRow({row.master, row.replica}));
    REQUIRE(topology.has_value());
    CHECK(topology->complete());
    REQUIRE(addresses(*topology) == std::vector<Address>{{"10.0.0.1", 7000}, {"10.0.0.2", 7001}});
    CHECK(topology->nodes[0].master);
    CHECK(topology->nodes[0].id == row.id);
    CHECK(topology->nodes[0].replicas == std::vector<cluster::NodeIndex>{1});
    CHECK_FALSE(topology->nodes[1].master);
    CHECK(topology->owners[0] == 0);
    CHECK(topology->owners[16383] == 0);
  }
}

TEST_CASE("the host of a node is taken as it is said, or is the one that was asked", "[slots]") {
  struct Row {
    std::string said;
    const char* host;
  };
  for (const Row& row : std::vector<Row>{{bulk("redis-0.redis.svc"), "redis-0.redis.svc"},
                                         {bulk("2001:db8::7"), "2001:db8::7"},
                                         {"+10.0.0.1\r\n", "10.0.0.1"},
                                         {bulk(""), "10.9.9.9"},
                                         {kNull, "10.9.9.9"}}) {
    INFO(row.said);
    const auto topology = parse(oneRow({list({row.said, number(7000), bulk("m")})}));
    REQUIRE(topology.has_value());
    CHECK(addresses(*topology) == std::vector<Address>{{row.host, 7000}});
  }
}

TEST_CASE("a master whose address is unknown leaves its slots without an owner", "[slots]") {
  for (const std::string& entry :
       {list({bulk("?"), number(7000), bulk("m")}), list({bulk("h"), number(0), bulk("m")}),
        list({bulk("h"), number(65536), bulk("m")}), list({bulk("h"), number(-1), bulk("m")}),
        list({bulk("h")}), list({}), list({bulk("h"), bulk("7000")}), number(3), bulk("h"), kNull}) {
    INFO(entry);
    const auto topology = parse(oneRow({entry, list({bulk("10.0.0.2"), number(7001), bulk("r")})}));
    REQUIRE(topology.has_value());
    CHECK(topology->slotsCovered() == 0);
    CHECK(topology->nodes.empty());
  }
}

TEST_CASE("a replica whose address is unknown is left out", "[slots]") {
  const auto topology = parse(
      oneRow({list({bulk("10.0.0.1"), number(7000), bulk("m")}), list({bulk("?"), number(7001), bulk("r")}),
              list({bulk("10.0.0.3"), number(7002), bulk("s")})}));
  REQUIRE(topology.has_value());
  CHECK(addresses(*topology) == std::vector<Address>{{"10.0.0.1", 7000}, {"10.0.0.3", 7002}});
  CHECK(topology->nodes[0].replicas == std::vector<cluster::NodeIndex>{1});
}

TEST_CASE("rows without nodes, and slots that no row names, have no owner", "[slots]") {
  const auto topology =
      parse(list({list({number(0), number(99)}),
                  list({number(100), number(100), list({bulk("h"), number(1), bulk("m")})})}));
  REQUIRE(topology.has_value());
  CHECK(topology->slotsCovered() == 1);
  CHECK_FALSE(topology->complete());
  CHECK(topology->owners[99] == cluster::kNoNode);
  CHECK(topology->owners[100] == 0);
  CHECK(topology->owners[101] == cluster::kNoNode);
}

TEST_CASE("a master with several ranges is one node with one list of replicas", "[slots]") {
  const std::string master = list({bulk("h"), number(1), bulk("m")});
  const std::string replica = list({bulk("h"), number(2), bulk("r")});
  const auto topology =
      parse(list({list({number(0), number(9), master, replica}),
                  list({number(20), number(29), master, replica}), list({number(10), number(19), replica})}));
  REQUIRE(topology.has_value());
  CHECK(topology->nodes.size() == 2);
  CHECK(topology->nodes[0].replicas == std::vector<cluster::NodeIndex>{1});
  CHECK(topology->owners[25] == 0);
  CHECK(topology->owners[15] == 1);
}

TEST_CASE("what is no list of slots, or names slots that do not exist, is refused", "[slots]") {
  const std::string node = list({bulk("h"), number(1), bulk("m")});
  for (const std::string& resp :
       {std::string("-ERR This instance has cluster support disabled\r\n"), std::string("+OK\r\n"), number(0),
        kNull, bulk("0 16383"), list({number(0)}), list({list({})}), list({list({number(0)})}),
        list({list({bulk("0"), bulk("5"), node})}), list({list({number(-1), number(5), node})}),
        list({list({number(0), number(16384), node})}), list({list({number(6), number(5), node})}),
        list({list({number(0), number(9223372036854775807), node})})}) {
    INFO(resp);
    CHECK_FALSE(parse(resp).has_value());
  }
  CHECK(parse(list({})).has_value());
}

TEST_CASE("CLUSTER NODES adds epochs by id, or by address where CLUSTER SLOTS names no id", "[slots]") {
  const std::vector<ListedNode> listed = {{"m", {"10.0.0.1", 7000}, true, true, 12}};
  for (const bool withId : {true, false}) {
    const std::string host = bulk(withId ? "one.example" : "10.0.0.1");
    const auto topology =
        parse(oneRow({withId ? list({host, number(7000), bulk("m")}) : list({host, number(7000)})}), listed);
    REQUIRE(topology.has_value());
    REQUIRE(topology->nodes.size() == 1);
    CHECK(topology->nodes[0].epoch == 12);
    CHECK(topology->nodes[0].id == "m");
  }
}

TEST_CASE("masters without slots are added if they can be reached, replicas are not", "[slots]") {
  const std::vector<ListedNode> listed = {{"m", {"10.0.0.1", 7000}, true, true, 1},
                                          {"new", {"10.0.0.0", 7000}, true, true, 0},
                                          {"lost", {"10.0.0.5", 7000}, true, false, 3},
                                          {"replica", {"10.0.0.6", 7000}, false, true, 1}};
  const auto topology = parse(oneRow({list({bulk("10.0.0.1"), number(7000), bulk("m")})}), listed);
  REQUIRE(topology.has_value());
  REQUIRE(addresses(*topology) == std::vector<Address>{{"10.0.0.0", 7000}, {"10.0.0.1", 7000}});
  CHECK(topology->nodes[0].master);
  CHECK(topology->nodes[0].id == "new");
  CHECK(topology->owners[0] == 1);
}

TEST_CASE("a replica that CLUSTER SLOTS leaves out is known as one that is joining its master", "[slots]") {
  const auto topology = parseWithNodes(oneRow({list({bulk("10.0.0.1"), number(7000), bulk("m")})}),
                                       "m 10.0.0.1:7000@17000 master - 0 0 1 connected 0-16383\n"
                                       "fresh 10.0.0.2:7000@17000 slave m 0 0 1 connected\n"
                                       "lost 10.0.0.3:7000@17000 slave,fail m 0 0 1 disconnected\n");
  REQUIRE(topology.has_value());
  REQUIRE(addresses(*topology) == std::vector<Address>{{"10.0.0.1", 7000}, {"10.0.0.2", 7000}});
  CHECK_FALSE(topology->nodes[1].master);
  CHECK(topology->nodes[0].replicas.empty());
  CHECK(topology->nodes[0].joining == std::vector<cluster::NodeIndex>{1});
  CHECK(topology->fewestReplicas() == 0);
}

TEST_CASE("of a master's replicas only those are joining that CLUSTER SLOTS leaves out", "[slots]") {
  // The masters' addresses come last, so that all indices change when the nodes are sorted.
  const std::string slots =
      list({list({number(0), number(99), list({bulk("10.0.0.9"), number(7000), bulk("m9")}),
                  list({bulk("10.0.0.1"), number(7000), bulk("r1")})}),
            list({number(100), number(16383), list({bulk("10.0.0.8"), number(7000), bulk("m8")})})});
  const auto topology = parseWithNodes(slots,
                                       "m9 10.0.0.9:7000@17000 master - 0 0 1 connected 0-99\n"
                                       "m8 10.0.0.8:7000@17000 master - 0 0 2 connected 100-16383\n"
                                       "r1 10.0.0.1:7000@17000 slave m9 0 0 1 connected\n"
                                       "r2 10.0.0.2:7000@17000 slave m9 0 0 1 connected\n"
                                       "r3 10.0.0.3:7000@17000 slave m8 0 0 2 connected\n"
                                       "r4 10.0.0.4:7000@17000 slave unknown 0 0 2 connected\n");
  REQUIRE(topology.has_value());
  REQUIRE(addresses(*topology) == std::vector<Address>{{"10.0.0.1", 7000},
                                                       {"10.0.0.2", 7000},
                                                       {"10.0.0.3", 7000},
                                                       {"10.0.0.4", 7000},
                                                       {"10.0.0.8", 7000},
                                                       {"10.0.0.9", 7000}});
  CHECK(topology->nodes[5].replicas == std::vector<cluster::NodeIndex>{0});
  CHECK(topology->nodes[5].joining == std::vector<cluster::NodeIndex>{1});
  CHECK(topology->nodes[4].replicas.empty());
  CHECK(topology->nodes[4].joining == std::vector<cluster::NodeIndex>{2});
}

TEST_CASE("no address stands for two nodes", "[slots]") {
  // A node that was reset came back under the same address with a new id, and the old id is not forgotten
  // yet.
  const std::vector<ListedNode> listed = {{"old", {"10.0.0.1", 7000}, true, true, 1},
                                          {"new", {"10.0.0.1", 7000}, true, true, 2}};
  const auto topology = parse(oneRow({list({bulk("10.0.0.1"), number(7000), bulk("new")})}), listed);
  REQUIRE(topology.has_value());
  REQUIRE(topology->nodes.size() == 1);
  CHECK(topology->nodes[0].id == "new");
  CHECK(topology->nodes[0].epoch == 2);
}

constexpr std::string_view kNamedNode =
    "m 10.0.0.1:7000@17000,one.example,shard-id=s1 myself,master - 0 0 1 connected 0-16383\n";

TEST_CASE("a node is found by its name and by its number, whichever CLUSTER SLOTS prefers", "[slots]") {
  for (const char* preferred : {"10.0.0.1", "one.example"}) {
    INFO(preferred);
    const auto topology =
        parseWithNodes(oneRow({list({bulk(preferred), number(7000), bulk("m"), list({})})}), kNamedNode);
    REQUIRE(topology.has_value());
    CHECK(addresses(*topology) == std::vector<Address>{{preferred, 7000}});
    CHECK(topology->find({"10.0.0.1", 7000}).has_value());
    CHECK(topology->find({"one.example", 7000}).has_value());
    CHECK_FALSE(topology->find({"one.example", 7001}).has_value());
  }
}

TEST_CASE("the metadata tell the other address where CLUSTER NODES is refused", "[slots]") {
  const std::string metadata = list({bulk("ip"), bulk("10.0.0.1")});
  const auto named = parse(oneRow({list({bulk("one.example"), number(7000), bulk("m"), metadata})}));
  REQUIRE(named.has_value());
  CHECK(named->find({"10.0.0.1", 7000}).has_value());
  const auto unnamed = parse(oneRow({list({bulk("?"), number(7000), bulk("m"), metadata})}));
  REQUIRE(unnamed.has_value());
  CHECK(addresses(*unnamed) == std::vector<Address>{{"10.0.0.1", 7000}});
}

TEST_CASE("a node without the name that is preferred is reached by its number", "[slots]") {
  const auto topology = parseWithNodes(oneRow({list({bulk("?"), number(7000), bulk("m"), list({})})}),
                                       "m 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n");
  REQUIRE(topology.has_value());
  CHECK(addresses(*topology) == std::vector<Address>{{"10.0.0.1", 7000}});
}

TEST_CASE("announced addresses are translated wherever they stand", "[slots]") {
  const cluster::AddressMap map(
      {{{"10.0.0.1", 7000}, {"127.0.0.1", 1}}, {{"10.0.0.2", 0}, {"127.0.0.2", 0}}});
  const auto topology = parseWithNodes(oneRow({list({bulk("10.0.0.1"), number(7000), bulk("m")}),
                                               list({bulk("10.0.0.2"), number(7001), bulk("r")})}),
                                       "m 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n"
                                       "r 10.0.0.2:7001@17001 slave m 0 0 1 connected\n"
                                       "n 10.0.0.2:7002@17002 master - 0 0 2 connected\n",
                                       map);
  REQUIRE(topology.has_value());
  CHECK(addresses(*topology) ==
        std::vector<Address>{{"127.0.0.1", 1}, {"127.0.0.2", 7001}, {"127.0.0.2", 7002}});
  CHECK(topology->addressMap.translate({"10.0.0.2", 9}) == Address{"127.0.0.2", 9});
  CHECK(topology->addressMap.translate({"10.0.0.1", 9}) == Address{"10.0.0.1", 9});
}

TEST_CASE("a node keeps the address it is known by, whichever the one that answers prefers", "[slots]") {
  const auto by = [](const char* preferred) {
    return parseWithNodes(oneRow({list({bulk(preferred), number(7000), bulk("m"), list({})})}), kNamedNode)
        .value();
  };
  cluster::Topology known = by("10.0.0.1");
  keepKnownAddresses({}, known);
  cluster::Topology fresh = by("one.example");
  keepKnownAddresses(known, fresh);
  CHECK(addresses(fresh) == std::vector<Address>{{"10.0.0.1", 7000}});
  CHECK(fresh.sameLayout(known));
  cluster::Topology moved =
      parse(oneRow({list({bulk("10.0.0.9"), number(7000), bulk("m"), list({})})})).value();
  keepKnownAddresses(known, moved);
  CHECK(addresses(moved) == std::vector<Address>{{"10.0.0.9", 7000}});
}

}  // namespace
}  // namespace slotless::discovery
