// Settings that CONFIG SET has made, and servers that join, come back or cannot be reached.
#include "proxy/discovery/settings_carrier.h"

#include <algorithm>

#include "catch.h"
#include "fake_loop.h"
#include "greeting.h"
#include "protocol/encoder.h"
#include "protocol/request_parser.h"

namespace slotless::discovery {
namespace {

using test::FakeConnection;
using test::FakeLoop;
using Requests = std::vector<std::string>;

struct CarrierServer {
  std::string runId;
  std::vector<std::string> settings{};  // "name value", as they were set
  std::string refuses{};                // this setting
  bool reachable = true;
  int asked = 0;  // for its run id
};

// Servers on ports 1 …, all of them in the topology but for those that are away.
struct Carried {
  FakeLoop loop;
  std::vector<CarrierServer> servers{{"a"}, {"b"}};
  std::vector<std::size_t> away;  // ports
  std::uint64_t version = 0;
  std::vector<std::shared_ptr<FakeConnection>> connections;
  std::vector<std::size_t> carried;  // number of settings each time
  std::vector<std::string> refusals;
  int failures = 0;
  std::unique_ptr<SettingsCarrier> carrier;

  Carried() {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
      if (serverAt(connection->peer()).reachable) {
        test::acceptAndGreet(*connection);
      } else {
        connection->refuse();
      }
      connections.push_back(connection);
    };
    SettingsCarrier::Events events;
    events.carried = [this](const auto&, std::size_t settings) { carried.push_back(settings); };
    events.refused = [this](const auto&, const std::string& setting, const std::string&) {
      refusals.push_back(setting);
    };
    events.failed = [this](const auto&, const auto&) { ++failures; };
    carrier = std::make_unique<SettingsCarrier>(loop, CarrierSettings{}, std::move(events));
    publish();
  }

  static net::Address address(std::size_t port) { return {"10.0.0.1", static_cast<std::uint16_t>(port)}; }
  CarrierServer& serverAt(const net::Address& where) { return servers[where.port - 1U]; }

  void publish() {
    cluster::Topology topology;
    topology.version = ++version;
    for (std::size_t port = 1; port <= servers.size(); ++port) {
      if (std::find(away.begin(), away.end(), port) != away.end()) continue;
      topology.nodes.push_back({std::to_string(port), address(port), port == 1, 1, {}});
    }
    carrier->setTopology(topology);
    play();
  }

  void remember(const std::string& name, const std::string& value) { rememberSince(version, name, value); }
  void rememberSince(std::uint64_t topologyVersion, const std::string& name, const std::string& value) {
    carrier->remember({{name, value}}, topologyVersion);
    play();
  }
  void lookAt(std::size_t port) {
    carrier->lookAt(address(port));
    play();
  }

  // Answers until there is nothing left to answer.
  void play() {
    bool answered = true;
    while (answered) {
      loop.settle();
      answered = false;
      for (std::size_t i = 0; i < connections.size(); ++i) answered = answer(*connections[i]) || answered;
    }
  }

  bool answer(FakeConnection& connection) {
    const std::string requests = test::takeRequests(connection);
    CarrierServer& server = serverAt(connection.peer());
    std::string replies;
    protocol::RequestParser parser;
    for (std::string_view rest = requests; !rest.empty();) {
      REQUIRE(parser.parse(rest, {}) == protocol::RequestParser::Status::Complete);
      reply(server, parser.argv(), replies);
      rest.remove_prefix(parser.size());
      parser.next();
    }
    connection.push(replies);
    return !requests.empty();
  }

  static void reply(CarrierServer& server, protocol::Argv argv, std::string& replies) {
    if (argv[0] == "INFO") {
      ++server.asked;
      return protocol::appendBulk(
          replies, "# CarrierServer\r\nredis_version:7.0.15\r\nrun_id:" + server.runId + "\r\n");
    }
    if (argv[2] == server.refuses) return protocol::appendError(replies, "ERR Unknown option");
    server.settings.push_back(std::string(argv[2]) + " " + std::string(argv[3]));
    protocol::appendSimple(replies, "OK");
  }
};

TEST_CASE("as long as nothing has been set, nobody is asked", "[carrier]") {
  Carried scene;
  scene.servers.push_back({"c"});
  scene.publish();
  scene.lookAt(1);
  CHECK(scene.connections.empty());
}

TEST_CASE("a server that joins is given all settings, and nobody else", "[carrier]") {
  Carried scene;
  scene.remember("MaxMemory", "1");
  scene.remember("timeout", "5");
  scene.remember("maxmemory", "2");
  scene.servers.push_back({"c"});
  scene.publish();
  CHECK(scene.servers[2].settings == Requests{"maxmemory 2", "timeout 5"});
  CHECK(scene.servers[0].settings.empty());
  CHECK(scene.servers[1].settings.empty());
  CHECK(scene.carried == std::vector<std::size_t>{2});
  scene.publish();
  scene.lookAt(3);
  CHECK(scene.servers[2].settings.size() == 2);
  CHECK(scene.loop.openConnections().empty());
}

TEST_CASE("a server that was started again is given them, one that is only reached again is not",
          "[carrier]") {
  Carried scene;
  scene.remember("timeout", "5");
  scene.lookAt(1);
  CHECK(scene.servers[0].settings.empty());
  scene.servers[0].runId = "a2";
  scene.lookAt(1);
  CHECK(scene.servers[0].settings == Requests{"timeout 5"});
  scene.lookAt(1);
  CHECK(scene.servers[0].settings.size() == 1);
}

TEST_CASE("a server that was away may have missed something", "[carrier]") {
  Carried scene;
  scene.remember("timeout", "5");
  scene.away = {2};
  scene.publish();
  scene.remember("timeout", "6");
  scene.away.clear();
  scene.publish();
  CHECK(scene.servers[1].settings == Requests{"timeout 6"});
  CHECK(scene.servers[0].settings.empty());
}

TEST_CASE("a server that joined while the others were told is given the setting", "[carrier]") {
  Carried scene;
  const std::uint64_t asked = scene.version;
  scene.servers.push_back({"c"});
  scene.publish();
  scene.rememberSince(asked, "timeout", "5");
  CHECK(scene.servers[2].settings == Requests{"timeout 5"});
  CHECK(scene.servers[0].settings.empty());
}

TEST_CASE("what is set while a server is given the earlier values reaches it last", "[carrier]") {
  Carried scene;
  scene.remember("timeout", "5");
  scene.servers.push_back({"c"});
  scene.servers[2].reachable = true;
  cluster::Topology topology;
  topology.version = ++scene.version;
  for (std::size_t port = 1; port <= 3; ++port)
    topology.nodes.push_back({"", Carried::address(port), false, 1, {}});
  scene.carrier->setTopology(topology);
  scene.loop.settle();
  REQUIRE(scene.answer(*scene.connections.back()));  // its run id
  scene.loop.settle();
  REQUIRE(scene.connections.back()->written().find("timeout") != std::string::npos);
  scene.remember("timeout", "6");
  REQUIRE_FALSE(scene.servers[2].settings.empty());
  CHECK(scene.servers[2].settings.back() == "timeout 6");
}

TEST_CASE("a setting that a server refuses does not keep it from the others", "[carrier]") {
  Carried scene;
  scene.remember("newfangled", "1");
  scene.remember("timeout", "5");
  scene.servers.push_back({"c", {}, "newfangled"});
  scene.publish();
  CHECK(scene.servers[2].settings == Requests{"timeout 5"});
  CHECK(scene.refusals == Requests{"newfangled"});
  CHECK(scene.carried == std::vector<std::size_t>{1});
}

TEST_CASE("a server that cannot be asked is asked again after a pause", "[carrier]") {
  Carried scene;
  scene.remember("timeout", "5");
  scene.servers.push_back({"c", {}, {}, false});
  scene.publish();
  CHECK(scene.failures == 1);
  scene.servers[2].reachable = true;
  scene.play();
  CHECK(scene.servers[2].settings.empty());
  scene.loop.advance(CarrierSettings{}.retryPause);
  scene.play();
  CHECK(scene.servers[2].settings == Requests{"timeout 5"});
}

TEST_CASE("a server that leaves while it is asked is forgotten", "[carrier]") {
  Carried scene;
  scene.remember("timeout", "5");
  scene.servers.push_back({"c"});
  cluster::Topology topology;
  topology.version = ++scene.version;
  topology.nodes.push_back({"", Carried::address(3), true, 1, {}});
  scene.carrier->setTopology(topology);
  scene.loop.settle();
  scene.away = {3};
  scene.publish();
  CHECK(scene.servers[2].settings.empty());
  CHECK(scene.loop.openConnections().empty());
}

TEST_CASE("where some may not have taken a setting, all are given all of them once more", "[carrier]") {
  Carried scene;
  scene.remember("hz", "20");
  scene.servers[1].reachable = false;
  scene.carrier->remember({{"notify-keyspace-events", "x"}}, scene.version);
  scene.carrier->giveAll();
  scene.play();
  CHECK(scene.servers[0].settings == Requests{"hz 20", "notify-keyspace-events x"});
  CHECK(scene.servers[1].settings.empty());
  scene.servers[1].reachable = true;  // the same process as before
  scene.loop.advance(std::chrono::seconds(2));
  scene.play();
  CHECK(scene.servers[1].settings == Requests{"hz 20", "notify-keyspace-events x"});
}

}  // namespace
}  // namespace slotless::discovery
