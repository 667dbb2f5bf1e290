// How many keys some slots have, as their owners say.
#include "proxy/discovery/slot_counter.h"

#include "catch.h"
#include "fake_loop.h"
#include "greeting.h"
#include "protocol/request_parser.h"

namespace slotless::discovery {
namespace {

using test::FakeConnection;
using test::FakeLoop;

// Slots 1 and 2 belong to the node at port 1, slot 3 to the one at port 2, slot 4 to nobody.
struct Counted {
  FakeLoop loop;
  std::vector<std::shared_ptr<FakeConnection>> connections;
  std::map<protocol::Slot, std::uint64_t> keys{{1, 10}, {2, 20}, {3, 30}};
  bool secondIsReachable = true;
  SlotCounter::Counts counts;
  int answers = 0;
  SlotCounter counter{loop, CounterSettings{}, {1, 2, 3, 4}, [this](const auto& all) {
                        counts = all;
                        ++answers;
                      }};

  Counted() {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
      if (connection->peer().port == 1 || secondIsReachable) {
        test::acceptAndGreet(*connection);
      } else {
        connection->refuse();
      }
      connections.push_back(connection);
    };
  }

  void publish() {
    cluster::Topology topology;
    for (std::uint16_t port = 1; port <= 2; ++port)
      topology.nodes.push_back({std::to_string(port), {"10.0.0.1", port}, true, 1, {}});
    topology.owners.fill(cluster::kNoNode);
    topology.owners[1] = topology.owners[2] = 0;
    topology.owners[3] = 1;
    counter.setTopology(std::make_shared<const cluster::Topology>(topology));
    play();
  }

  void play() {
    for (bool answered = true; answered;) {
      loop.settle();
      answered = false;
      for (std::size_t i = 0; i < connections.size(); ++i) answered = answer(*connections[i]) || answered;
    }
  }

  bool answer(FakeConnection& connection) {
    const std::string bytes = test::takeRequests(connection);
    std::string_view rest = bytes;
    protocol::RequestParser parser;
    while (!rest.empty() && parser.parse(rest, {}) == protocol::RequestParser::Status::Complete) {
      CHECK(parser.argv()[1] == "COUNTKEYSINSLOT");
      const auto slot = static_cast<protocol::Slot>(std::stoi(std::string(parser.argv()[2])));
      connection.push(":" + std::to_string(keys.at(slot)) + "\r\n");
      rest.remove_prefix(parser.size());
      parser.next();
    }
    return !bytes.empty();
  }
};

}  // namespace

TEST_CASE("each owner is asked about its slots, and again after a while") {
  Counted scene;
  scene.publish();
  CHECK(scene.counts == SlotCounter::Counts{{1, 10}, {2, 20}, {3, 30}});
  CHECK(scene.connections.size() == 2);
  scene.keys[1] = 11;
  scene.loop.advance(CounterSettings{}.interval);
  scene.play();
  CHECK(scene.counts.at(1) == 11);
  CHECK(scene.answers == 4);
}

TEST_CASE("a slot that nobody can be asked about keeps its number") {
  Counted scene;
  scene.publish();
  scene.secondIsReachable = false;
  scene.keys = {{1, 1}, {2, 2}};
  scene.loop.advance(CounterSettings{}.interval);
  scene.play();
  CHECK(scene.counts == SlotCounter::Counts{{1, 1}, {2, 2}, {3, 30}});
}

}  // namespace slotless::discovery
