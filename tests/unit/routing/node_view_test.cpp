// A node's own line of CLUSTER NODES.
#include "proxy/routing/node_view.h"

#include "catch.h"

namespace slotless::routing {
namespace {

constexpr const char* kNodes =
    "aaaa 127.0.0.1:1@10001,host slave bbbb 0 1 3 connected\n"
    "bbbb 127.0.0.1:2@10002 myself,master - 0 0 7 connected 100-200 5 201 300-310 [150->-cccc] [9-<-dddd]\n"
    "cccc 127.0.0.1:3@10003 master - 0 1 2 connected 0-4\n";

TEST_CASE("a node's own line gives its slots and migrations", "[node_view]") {
  const auto view = parseNodeView(kNodes);
  REQUIRE(view);
  CHECK(view->id == "bbbb");
  CHECK(view->epoch == 7);
  CHECK(view->owns(5));
  CHECK(view->owns(200));
  CHECK_FALSE(view->owns(4));
  CHECK_FALSE(view->owns(9));
  CHECK(view->migrating.at(150) == "cccc");
  CHECK(view->importing.at(9) == "dddd");
}

TEST_CASE("a range ends before what is another's or is being migrated", "[node_view]") {
  const auto view = parseNodeView(kNodes);
  REQUIRE(view);
  CHECK(view->rangeEnd(100) == 150);
  CHECK(view->rangeEnd(150) == 151);  // by itself
  CHECK(view->rangeEnd(151) == 202);  // over the border of two entries
  CHECK(view->rangeEnd(5) == 6);
  CHECK(view->rangeEnd(305) == 311);
}

TEST_CASE("words that make no sense are left out", "[node_view]") {
  const auto view = parseNodeView("a b myself,master - 0 0 1 connected x 7-y 20000 [1-z-q] [] [5 3\r\n");
  REQUIRE(view);
  CHECK(view->ranges.size() == 1);
  CHECK(view->owns(3));
  CHECK(view->migrating.empty());
  CHECK_FALSE(parseNodeView(""));
  CHECK_FALSE(parseNodeView("a b master - 0 0 1 connected 5\n"));
  CHECK_FALSE(parseNodeView("a b myself - 0 0 many connected 5\n"));
}

TEST_CASE("the topology can stand in for the node", "[node_view]") {
  cluster::Topology topology;
  topology.nodes.push_back({"aaaa", {"h", 1}, true, 4, {}});
  topology.nodes.push_back({"bbbb", {"h", 2}, true, 5, {}});
  for (std::size_t slot = 0; slot < 100; ++slot) topology.owners[slot] = slot < 50 || slot > 90 ? 0 : 1;
  const NodeView view = viewOf(topology, 0);
  CHECK(view.id == "aaaa");
  CHECK(view.epoch == 4);
  CHECK(view.rangeEnd(0) == 50);
  CHECK(view.rangeEnd(91) == 100);
  CHECK_FALSE(view.owns(60));
}

}  // namespace
}  // namespace slotless::routing
