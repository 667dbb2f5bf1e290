// What the nodes say of themselves, asked for only as long as somebody wants to know.
#include "proxy/discovery/node_survey.h"

#include "catch.h"
#include "fake_loop.h"
#include "greeting.h"
#include "protocol/request_parser.h"

namespace slotless::discovery {
namespace {

using test::FakeConnection;
using test::FakeLoop;

// A master at port 1 and its replica at port 2.
struct Surveyed {
  FakeLoop loop;
  std::vector<std::shared_ptr<FakeConnection>> connections;
  std::vector<std::string> asked;  // "1 PING"
  bool secondIsReachable = true;
  bool infoIsDenied = false;
  NodeSurvey survey{loop, SurveySettings{}};

  Surveyed() {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
      if (connection->peer().port == 1 || secondIsReachable) {
        test::acceptAndGreet(*connection);
      } else {
        connection->refuse();
      }
      connections.push_back(connection);
    };
    cluster::Topology topology;
    topology.nodes.push_back({"a", {"10.0.0.1", 1}, true, 1, {1}});
    topology.nodes.push_back({"b", {"10.0.0.1", 2}, false, 1, {}});
    topology.owners.fill(0);
    survey.setTopology(std::make_shared<const cluster::Topology>(topology));
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
      const std::string name(parser.argv()[0]);
      asked.push_back(std::to_string(connection.peer().port) + " " + name);
      if (name == "PING") connection.push("+PONG\r\n");
      if (name == "INFO") connection.push(infoIsDenied ? "-NOPERM no\r\n" : "$14\r\nused_memory:42\r\n");
      if (name == "CLUSTER") connection.push("$21\r\nx myself - [7->-b] \r\n\r\n");
      rest.remove_prefix(parser.size());
      parser.next();
    }
    return !bytes.empty();
  }
};

}  // namespace

TEST_CASE("nobody is asked before somebody wants to know, and all are then") {
  Surveyed scene;
  scene.loop.advance(net::Millis(60'000));
  scene.play();
  CHECK(scene.connections.empty());
  CHECK(scene.survey.reports().empty());
  scene.play();
  const NodeSurvey::Reports reports = scene.survey.reports();
  REQUIRE(reports.size() == 2);
  CHECK(reports.at("10.0.0.1:1").memoryBytes == 42);
  CHECK(reports.at("10.0.0.1:1").openSlots == std::vector<cluster::OpenSlot>{{7, true, "b"}});
  CHECK(reports.at("10.0.0.1:2").openSlots.empty());
  CHECK(scene.connections.size() == 2);
  CHECK(std::count(scene.asked.begin(), scene.asked.end(), "2 CLUSTER") == 0);
}

TEST_CASE("they are asked again on the same connections, until nobody has wanted it for a while") {
  Surveyed scene;
  scene.survey.reports();
  scene.play();
  const std::size_t once = scene.asked.size();
  scene.loop.advance(net::Millis(3'000));
  scene.play();
  CHECK(scene.asked.size() > once);
  CHECK(scene.connections.size() == 2);
  for (int i = 0; i < 20; ++i) {
    scene.loop.advance(net::Millis(3'000));
    scene.play();
  }
  const std::size_t last = scene.asked.size();
  CHECK(scene.loop.openConnections().empty());
  scene.loop.advance(net::Millis(60'000));
  scene.play();
  CHECK(scene.asked.size() == last);
  scene.survey.reports();
  scene.play();
  CHECK(scene.asked.size() > last);
}

TEST_CASE("who does not answer is told with the reason, and others are not kept from it") {
  Surveyed scene;
  scene.secondIsReachable = false;
  scene.survey.reports();
  scene.play();
  NodeSurvey::Reports reports = scene.survey.reports();
  CHECK_FALSE(reports.at("10.0.0.1:2").error.empty());
  CHECK(reports.at("10.0.0.1:1").error.empty());
  scene.secondIsReachable = true;
  scene.infoIsDenied = true;
  scene.loop.advance(net::Millis(3'000));
  scene.play();
  reports = scene.survey.reports();
  CHECK(reports.at("10.0.0.1:1").error == "NOPERM no");
  CHECK(reports.at("10.0.0.1:1").memoryBytes == 42);
}

TEST_CASE("a node that has left is forgotten, also in the middle of a round") {
  Surveyed scene;
  scene.survey.reports();
  scene.loop.settle();
  cluster::Topology topology;
  topology.nodes.push_back({"a", {"10.0.0.1", 1}, true, 1, {}});
  scene.survey.setTopology(std::make_shared<const cluster::Topology>(topology));
  scene.play();
  scene.loop.advance(net::Millis(3'000));
  scene.play();
  CHECK(scene.survey.reports().size() == 1);
  const std::size_t asked = scene.asked.size();
  scene.loop.advance(net::Millis(3'000));
  scene.play();
  CHECK(scene.asked.size() > asked);
}

}  // namespace slotless::discovery
