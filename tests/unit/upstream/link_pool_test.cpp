// Which links a worker has: one per master, while the topology comes and goes.
#include "proxy/upstream/link_pool.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "link_bench.h"

namespace slotless::upstream {
namespace {

using test::Asker;

// All masters; 7000, 7001 … share the slots evenly.
cluster::TopologyPtr masters(const std::vector<std::uint16_t>& ports, std::uint16_t replica = 0) {
  auto topology = std::make_shared<cluster::Topology>();
  for (const std::uint16_t port : ports) {
    topology->nodes.push_back({std::to_string(port), {"127.0.0.1", port}, true, 1, {}});
  }
  for (std::size_t slot = 0; slot < topology->owners.size(); ++slot) {
    topology->owners[slot] = static_cast<cluster::NodeIndex>(slot % ports.size());
  }
  if (replica != 0) topology->nodes.push_back({"r", {"127.0.0.1", replica}, false, 1, {}});
  return topology;
}

class Pooled : public test::LinkBench {
 public:
  Pooled() : links(std::make_unique<LinkPool>(*this, settings, metrics, OpenLinks::Ahead)) {}
  ~Pooled() override { links.reset(); }

  void publish(const cluster::TopologyPtr& topology) {
    links->setTopology(topology);
    fake().settle();
    for (const auto& connection : connections) {
      if (connection->takeWritten().find("PING") != std::string::npos)
        connection->push("+PONG\r\n+OK\r\n+OK\r\n:7\r\n");
    }
    fake().settle();
  }
  std::size_t nodesCounted() const {
    std::size_t count = 0;
    metrics.forEachNode([&](const telemetry::NodeMetrics&) { ++count; });
    return count;
  }

  std::unique_ptr<LinkPool> links;
};

TEST_CASE_METHOD(Pooled, "each master has a link before anybody asks, replicas have none", "[pool]") {
  publish(masters({7000, 7001, 7002}, 7003));
  CHECK(ready == 3);
  CHECK(connections.size() == 3);
  CHECK(links->linkFor(0)->node().port == 7000);
  CHECK(links->linkFor(1)->node().port == 7001);
  CHECK(links->linkFor(5)->node().port == 7002);
  CHECK(links->linkFor(0)->ready());
}

TEST_CASE_METHOD(Pooled, "a slot without an owner has no link", "[pool]") {
  CHECK(links->linkFor(0) == nullptr);
  CHECK(links->anyReady() == nullptr);
}

TEST_CASE_METHOD(Pooled, "a new topology keeps the links of nodes that stay", "[pool]") {
  publish(masters({7000, 7001}));
  const Link* kept = links->linkFor(0);
  publish(masters({7000, 7002}));
  CHECK(links->linkFor(0) == kept);
  CHECK(links->linkFor(1)->node().port == 7002);
  CHECK(connections.size() == 3);
}

TEST_CASE_METHOD(Pooled, "a link whose node has gone lives until its last reply, and not longer", "[pool]") {
  publish(masters({7000, 7001}));
  Asker asker;
  links->linkFor(1)->send(asker, "x", Front::None);
  fake().settle();
  publish(masters({7000}));
  links->sweep();
  CHECK(nodesCounted() == 2);
  CHECK_FALSE(connections[1]->closed());
  connections[1]->push("+OK\r\n");
  fake().settle();
  CHECK(asker.outcome == "+OK\r\n|");
  links->sweep();
  CHECK(connections[1]->closed());
  CHECK(nodesCounted() == 1);
}

TEST_CASE_METHOD(Pooled,
                 "a master that has become a replica loses its link, and gets a new one when it returns",
                 "[pool]") {
  publish(masters({7000, 7001}));
  publish(masters({7000}, 7001));
  links->sweep();
  CHECK(connections[1]->closed());
  publish(masters({7000, 7001}));
  CHECK(connections.size() == 3);
  CHECK(links->linkFor(1)->ready());
}

TEST_CASE_METHOD(Pooled, "a link to a replica, to which a redirect has led, is closed when it is idle",
                 "[pool]") {
  publish(masters({7000}, 7001));
  Link& stray = links->linkTo(1);
  fake().settle();
  connections[1]->takeWritten();
  connections[1]->push("+PONG\r\n+OK\r\n+OK\r\n:7\r\n");
  fake().settle();
  REQUIRE(stray.ready());
  Asker asker;
  stray.send(asker, "x", Front::None);
  fake().settle();
  links->closeStrays();
  links->sweep();
  CHECK_FALSE(connections[1]->closed());
  connections[1]->push("+OK\r\n");
  fake().settle();
  links->closeStrays();
  links->sweep();
  CHECK(connections[1]->closed());
  CHECK_FALSE(connections[0]->closed());
  CHECK(nodesCounted() == 1);
  links->linkTo(1);
  CHECK(connections.size() == 3);
}

TEST_CASE_METHOD(Pooled, "requests without a slot go to the ready masters in turn", "[pool]") {
  publish(masters({7000, 7001, 7002}, 7003));
  acceptsConnections = false;
  connections[1]->reset();
  fake().settle();
  std::multiset<std::uint16_t> ports;
  for (int i = 0; i < 8; ++i) {
    const Link* link = links->anyReady();
    REQUIRE(link != nullptr);
    ports.insert(link->node().port);
  }
  CHECK(ports.count(7001) == 0);
  CHECK(ports.count(7000) >= 3);
  CHECK(ports.count(7002) >= 3);
}

TEST_CASE("on demand, a link is opened by the first request that wants it", "[pool]") {
  test::LinkBench bench;
  LinkPool links(bench, bench.settings, bench.metrics, OpenLinks::OnDemand);
  links.setTopology(masters({7000, 7001}));
  bench.fake().settle();
  CHECK(bench.connections.empty());
  links.linkFor(1);
  bench.fake().settle();
  REQUIRE(bench.connections.size() == 1);
  CHECK(links.linkFor(1)->node().port == 7001);
}

}  // namespace
}  // namespace slotless::upstream
