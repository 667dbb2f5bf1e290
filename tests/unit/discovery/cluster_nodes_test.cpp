// The lines of CLUSTER NODES.
#include <string>
#include <vector>

#include "catch.h"
#include "proxy/discovery/topology_parser.h"

namespace slotless::discovery {
namespace {

using net::Address;

ListedNode parseLine(const std::string& line) {
  const auto nodes = parseNodes(line, "10.9.9.9");
  REQUIRE(nodes.size() == 1);
  return nodes[0];
}

TEST_CASE("a line says id, address, role and epoch", "[nodes]") {
  const ListedNode node = parseLine(
      "07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:30004@31004 master - 0 1426238317239 4 connected "
      "0-99");
  CHECK(node.id == "07c37dfeb235213a872192d90877d0cd55635b91");
  CHECK(node.address == Address{"10.0.0.1", 30004});
  CHECK(node.master);
  CHECK(node.reachable);
  CHECK(node.epoch == 4);
}

TEST_CASE("addresses of all generations are understood", "[nodes]") {
  struct Row {
    const char* written;
    Address address;
  };
  for (const Row& row :
       std::vector<Row>{{"10.0.0.1:7000", {"10.0.0.1", 7000}},                    // Redis 3
                        {"10.0.0.1:7000@17000", {"10.0.0.1", 7000}},              // Redis 4
                        {"10.0.0.1:7000@17000,one.example", {"10.0.0.1", 7000}},  // Redis 7
                        {"10.0.0.1:7000@17000,,tls-port=0,shard-id=ab", {"10.0.0.1", 7000}},
                        {"2001:db8::7:7000@17000", {"2001:db8::7", 7000}},
                        {":7000@17000", {"10.9.9.9", 7000}}}) {  // its own address, still unknown
    INFO(row.written);
    CHECK(parseLine("id " + std::string(row.written) + " master - 0 0 1 connected").address == row.address);
  }
}

TEST_CASE("flags are whole words: who is a master, and who can be reached", "[nodes]") {
  struct Row {
    const char* flags;
    bool master, reachable;
  };
  for (const Row& row : std::vector<Row>{{"myself,master", true, true},
                                         {"master", true, true},
                                         {"slave", false, true},
                                         {"myself,slave", false, true},
                                         {"master,fail?", true, false},
                                         {"master,fail", true, false},
                                         {"slave,fail", false, false},
                                         {"slave,fail?", false, false},
                                         {"master,nofailover", true, true},
                                         {"myself,slave,nofailover", false, true},
                                         {"master,fail,nofailover", true, false},
                                         {"master,noaddr", true, false},
                                         {"handshake", false, false},
                                         {"master,handshake", true, false},
                                         {"noflags", false, true}}) {
    INFO(row.flags);
    const ListedNode node = parseLine("id 10.0.0.1:1@2 " + std::string(row.flags) + " - 0 0 1 connected");
    CHECK(node.master == row.master);
    CHECK(node.reachable == row.reachable);
  }
}

TEST_CASE("a node without a port cannot be reached", "[nodes]") {
  CHECK_FALSE(parseLine("id :0@0 master,noaddr - 0 0 1 disconnected").reachable);
  CHECK_FALSE(parseLine("id 10.0.0.1:0@0 master - 0 0 1 disconnected").reachable);
}

TEST_CASE("what follows the epoch does not matter", "[nodes]") {
  for (const char* rest : {"", " connected", " disconnected", " connected 0-5 7 9-9",
                           " connected 0-5 [93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]",
                           " connected [93->-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f] [77-<-ab]"}) {
    INFO(rest);
    const ListedNode node = parseLine("id 10.0.0.1:1@2 master - 0 0 9" + std::string(rest));
    CHECK(node.epoch == 9);
    CHECK(node.master);
  }
}

TEST_CASE("several lines give several nodes, and those that make no sense are left out", "[nodes]") {
  const auto nodes = parseNodes(
      "a 10.0.0.1:1@2 master - 0 0 1 connected\n"
      "\n"
      "nonsense\n"
      "b 10.0.0.2 master - 0 0 1 connected\n"
      "c 10.0.0.3:port@2 master - 0 0 1 connected\n"
      "d 10.0.0.4:99999@2 master - 0 0 1 connected\n"
      "e 10.0.0.5:1@2 master - 0 0 epoch connected\n"
      "f 10.0.0.6:1@2 master - 0 0\n"
      "g 10.0.0.7:1@2 slave a 0 0 2 connected",
      "10.9.9.9");
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].id == "a");
  CHECK(nodes[1].id == "g");
  CHECK(parseNodes("", "h").empty());
}

}  // namespace
}  // namespace slotless::discovery
