#include "proxy/discovery/command_learner.h"

#include <algorithm>
#include <set>

#include "command_replies.h"
#include "fake_loop.h"
#include "greeting.h"
#include "proxy/upstream/own_reply_limits.h"

namespace slotless::discovery {
namespace {

using protocol::CommandTable;
using test::FakeConnection;
using test::FakeLoop;

// A master as the learner sees it.
struct Server {
  std::string info;      // of INFO server, or an error line
  std::string commands;  // the reply to COMMAND
  std::int64_t count = 0;
  std::string groups = "-ERR unknown command\r\n";  // to what asks for groups
  std::string hello = "-NOPERM no\r\n";
  bool reachable = true;
  int asked = 0;  // for COMMAND
};

Server redis(const std::string& version, const Facts& facts) {
  return {.info = "redis_version:" + version + "\r\n",
          .commands = told(facts),
          .count = static_cast<std::int64_t>(facts.size())};
}

// A cluster of servers on ports 1 …, and what the learner tells.
struct Scene {
  FakeLoop loop;
  std::vector<Server> servers;
  std::vector<std::shared_ptr<FakeConnection>> connections;
  std::vector<CommandTablePtr> tables;
  std::vector<std::string> refusals;
  int failures = 0;
  std::unique_ptr<CommandLearner> learner;

  explicit Scene(std::vector<Server> all) : servers(std::move(all)) {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
      if (serverAt(connection->peer()).reachable) {
        test::acceptAndGreet(*connection);
      } else {
        connection->refuse();
      }
      connections.push_back(connection);
    };
    CommandLearner::Events events;
    events.learned = [this](CommandTablePtr table, const auto&) { tables.push_back(std::move(table)); };
    events.refused = [this](const auto&, const auto&, const std::string& error) {
      refusals.push_back(error);
    };
    events.failed = [this](const auto&, const auto&) { ++failures; };
    learner = std::make_unique<CommandLearner>(loop, LearnSettings{}, std::move(events));
  }

  Server& serverAt(const net::Address& address) { return servers[address.port - 1U]; }

  void begin() { learner->setTopology(topology()); }
  cluster::Topology topology() const {
    cluster::Topology all;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      all.nodes.push_back({std::to_string(i), {"10.0.0.1", static_cast<std::uint16_t>(i + 1)}, true, 1, {}});
    }
    return all;
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
    const std::string request = test::takeRequests(connection);
    if (request.empty()) return false;
    Server& server = serverAt(connection.peer());
    if (request.find("COUNT") == std::string::npos) {
      ++server.asked;
      connection.push(server.commands + server.groups);
      return true;
    }
    std::string replies;
    if (server.info.front() == '-') {
      replies = server.info;
    } else {
      protocol::appendBulk(replies, server.info);
    }
    protocol::appendInteger(replies, server.count);
    replies += server.hello;
    connection.push(replies);
    return true;
  }
};

Facts older() {
  return factsOf({"get 2; readonly; 1 1 1; @read;", "set -3; write; 1 1 1; @write;"});
}
Facts newer() {
  return factsOf(
      {"get 2; readonly; 1 1 1; @read;", "hot 2; write; 1 1 1; ;", "set -3; write; 1 1 1; @write;"});
}

TEST_CASE("each build is asked once, and the table has what all know", "[learn]") {
  Scene scene({redis("8.0.1", newer()), redis("7.0.15", older()), redis("8.0.1", newer())});
  scene.begin();
  scene.play();
  REQUIRE(scene.tables.size() == 1);
  CHECK(scene.tables[0]->find("get") != nullptr);
  CHECK(scene.tables[0]->find("hot") == nullptr);
  CHECK(scene.tables[0]->find("hello") != nullptr);
  CHECK(scene.servers[0].asked + scene.servers[2].asked == 1);
  CHECK(scene.servers[1].asked == 1);
  CHECK(scene.loop.openConnections().empty());
}

TEST_CASE("groups are learned, and what a server does not check the slots of", "[learn]") {
  const Facts facts =
      factsOf({"get 2; readonly; 1 1 1; @read;", "set -3; write; 1 1 1; @write;",
               "clusterscan -2; readonly; 1 1 1; @read;", "msetex -4; write; 0 0 0; @write;"});
  Scene scene({redis("9.1.2", facts)});
  scene.servers[0].info = "redis_version:7.2.4\r\nvalkey_version:9.1.2\r\n";
  scene.servers[0].groups.assign("*4\r\n");
  for (const std::string_view word : {"get", "string", "clusterscan", "cluster"})
    protocol::appendBulk(scene.servers[0].groups, word);
  scene.begin();
  scene.play();
  REQUIRE(scene.tables.size() == 1);
  CHECK(scene.tables[0]->find("get")->group == "string");
  CHECK(scene.tables[0]->find("clusterscan")->handling == protocol::Handling::Local);
  CHECK(scene.tables[0]->find("msetex")->slotUnchecked);
  CHECK_FALSE(scene.tables[0]->find("set")->slotUnchecked);
}

TEST_CASE("a master that comes or goes changes the table, slots that move do not", "[learn]") {
  Scene scene({redis("8.0.1", newer()), redis("7.0.15", older())});
  scene.begin();
  scene.play();
  const std::size_t connects = scene.loop.connectCalls();
  cluster::Topology moved = scene.topology();
  moved.version = 9;
  moved.owners.fill(0);
  scene.learner->setTopology(moved);
  scene.play();
  CHECK(scene.loop.connectCalls() == connects);
  moved.nodes.pop_back();
  scene.learner->setTopology(moved);
  scene.play();
  REQUIRE(scene.tables.size() == 2);
  CHECK(scene.tables[1]->find("hot") != nullptr);
  CHECK(scene.servers[0].asked == 1);  // known already
}

TEST_CASE("a module that is loaded later is learned without a change of the topology", "[learn]") {
  Scene scene({redis("7.0.15", older())});
  scene.begin();
  scene.play();
  scene.loop.advance(LearnSettings{}.interval);
  scene.play();
  CHECK(scene.tables.size() == 1);
  CHECK(scene.servers[0].asked == 1);
  scene.servers[0] = redis("7.0.15", newer());
  scene.loop.advance(LearnSettings{}.interval);
  scene.play();
  REQUIRE(scene.tables.size() == 2);
  CHECK(scene.tables[1]->find("hot") != nullptr);
}

TEST_CASE("a change during a round begins another one behind it", "[learn]") {
  Scene scene({redis("7.0.15", older()), redis("7.0.15", newer())});
  cluster::Topology one = scene.topology();
  one.nodes.resize(1);
  scene.learner->setTopology(one);
  scene.learner->setTopology(scene.topology());
  CHECK(scene.loop.connectCalls() == 1);  // one round at a time
  scene.play();
  scene.loop.advance(net::Millis{0});
  scene.play();
  CHECK(scene.servers[1].asked == 1);
  CHECK(scene.tables.back()->find("hot") == nullptr);
}

TEST_CASE("a server that refuses COMMAND does not count, and is told once", "[learn]") {
  Server managed = redis("7.0.15", older());
  managed.commands = "-NOPERM this user has no permissions to run the 'command' command\r\n";
  Scene scene({managed});
  scene.begin();
  scene.play();
  scene.loop.advance(LearnSettings{}.interval);
  scene.play();
  CHECK(scene.tables.empty());
  CHECK(scene.servers[0].asked == 2);
  REQUIRE(scene.refusals.size() == 1);
  CHECK(scene.refusals[0].starts_with("NOPERM"));
}

TEST_CASE("a server whose commands are without GET or SET is not believed", "[learn]") {
  const Facts noSet = factsOf({"get 2; readonly; 1 1 1; @read;", "evil -1; write; 0 0 0; @write;"});
  const Facts noGet = factsOf({"set -3; write; 1 1 1; @write;"});
  for (const Facts& facts : {noSet, noGet}) {
    Scene scene({redis("7.0.15", facts)});
    scene.begin();
    scene.play();
    CHECK(scene.tables.empty());
    CHECK(scene.refusals == std::vector<std::string>{"COMMAND gave a list without GET or SET"});
  }
}

TEST_CASE("a server that floods instead of telling its commands is cut off, and asked again", "[learn]") {
  Server flooding = redis("8.0.1", older());
  // One bulk string that never ends, or more and more elements.
  const std::string flood = GENERATE(std::string("*1\r\n$1000000000\r\n"), std::string("*100000000\r\n"));
  const std::string piece = flood.find('$') == std::string::npos
                                ? [] {
                                    std::string many;
                                    for (int i = 0; i < 100'000; ++i) many += ":1\r\n";
                                    return many;
                                  }()
                                : std::string(1024 * 1024, 'x');
  flooding.commands = flood;
  flooding.groups.clear();
  Scene scene({flooding});
  scene.begin();
  scene.play();
  REQUIRE(scene.servers[0].asked == 1);
  const auto connection = scene.connections.back();
  std::size_t sent = 0;
  for (; !connection->closed() && sent < 2 * upstream::kMaxOwnReplyBytes; sent += piece.size()) {
    connection->push(piece);
    scene.loop.settle();
  }
  CHECK(connection->closed());
  CHECK(sent <= upstream::kMaxOwnReplyBytes + piece.size());
  CHECK(scene.failures == 1);
  CHECK(scene.tables.empty());
  // It is asked again, and believed when it tells them.
  scene.servers[0] = redis("8.0.1", older());
  scene.loop.advance(std::chrono::ceil<net::Millis>(scene.loop.nextTimer() - scene.loop.now()));
  scene.play();
  CHECK(scene.tables.size() == 1);
}

TEST_CASE("a server that refuses INFO is learned from all the same", "[learn]") {
  Server silent = redis("7.0.15", newer());
  silent.info = "-NOPERM no\r\n";
  Scene scene({silent});
  scene.begin();
  scene.play();
  REQUIRE(scene.tables.size() == 1);
  CHECK(scene.tables[0]->find("hot") != nullptr);
}

TEST_CASE("a master that cannot be asked is asked again, with growing pauses", "[learn]") {
  Scene scene({redis("8.0.1", newer()), redis("7.0.15", older())});
  scene.servers[1].reachable = false;
  scene.begin();
  scene.play();
  REQUIRE(scene.tables.size() == 1);
  CHECK(scene.tables[0]->find("hot") != nullptr);
  std::vector<net::TimePoint::duration> pauses;
  for (int i = 0; i < 3; ++i) {
    pauses.push_back(scene.loop.nextTimer() - scene.loop.now());
    scene.loop.advance(std::chrono::ceil<net::Millis>(pauses.back()));
    scene.play();
  }
  CHECK(std::is_sorted(pauses.begin(), pauses.end()));
  CHECK(pauses.front() < pauses.back());
  CHECK(scene.failures == 4);
  CHECK(scene.tables.size() == 1);
  scene.servers[1].reachable = true;
  scene.loop.advance(LearnSettings{}.retryMax);
  scene.play();
  REQUIRE(scene.tables.size() == 2);
  CHECK(scene.tables[1]->find("hot") == nullptr);
}

TEST_CASE("a master that does not answer for a while still counts with what it knew", "[learn]") {
  Scene scene({redis("8.0.1", newer()), redis("7.0.15", older())});
  scene.begin();
  scene.play();
  scene.servers[1].reachable = false;
  scene.loop.advance(LearnSettings{}.interval);
  scene.play();
  CHECK(scene.failures == 1);
  CHECK(scene.tables.size() == 1);
}

TEST_CASE("a server that is loading is asked again instead of being taken at its word", "[learn]") {
  Scene scene({redis("7.0.15", older())});
  const std::string commands = std::exchange(scene.servers[0].commands, "-LOADING Redis is loading\r\n");
  scene.begin();
  scene.play();
  CHECK(scene.tables.empty());
  CHECK(scene.refusals.empty());
  scene.servers[0].commands = commands;
  scene.loop.advance(LearnSettings{}.retryMin);
  scene.play();
  CHECK(scene.tables.size() == 1);
}

TEST_CASE("the identity is what servers announce, with the modules that all have", "[learn]") {
  const auto build = [](std::string_view info, const std::string& hello) {
    std::string text;
    protocol::appendBulk(text, info);
    return parseBuild(*replyOf(text), *replyOf(":1\r\n"), *replyOf(hello));
  };
  const auto module = [](const std::string& name) {
    return "*8\r\n$4\r\nname\r\n$" + std::to_string(name.size()) + "\r\n" + name +
           "\r\n$3\r\nver\r\n:7\r\n$4\r\npath\r\n$1\r\np\r\n$4\r\nargs\r\n*1\r\n$1\r\na\r\n";
  };
  const auto hello = [](const std::string& version, const std::string& modules) {
    return "*6\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n" + version +
           "\r\n$7\r\nmodules\r\n" + modules;
  };
  const ServerBuild newer = build("redis_version:7.2.4\r\nvalkey_version:9.1.2\r\n",
                                  hello("9.1.2", "*2\r\n" + module("lua") + module("json")));
  const ServerBuild older =
      build("redis_version:7.2.4\r\nvalkey_version:8.1.1\r\n", hello("8.1.1", "*1\r\n" + module("json")));
  CHECK(newer !=
        build("redis_version:7.2.4\r\nvalkey_version:9.1.2\r\n", hello("9.1.2", "*1\r\n" + module("lua"))));
  const cluster::ServerIdentity one = identityOf({newer});
  CHECK(one.announcedName == "valkey");
  CHECK(one.announcedVersion == "9.1.2");
  REQUIRE(one.modules.size() == 2);
  CHECK(one.modules[1] == cluster::ServerModule{"lua", 7, "p", {"a"}});
  CHECK(one.isAtLeast("valkey", {9, 1}));
  CHECK_FALSE(one.isAtLeast("valkey", {9, 2}));
  CHECK_FALSE(one.isAtLeast("redis", {7, 0}));
  const cluster::ServerIdentity both = identityOf({newer, older});
  CHECK(both.announcedVersion == "8.1.1");
  REQUIRE(both.modules.size() == 1);
  CHECK(both.modules[0].name == "json");
  CHECK(identityOf({}).product.empty());
  CHECK(build("redis_version:5.0.0\r\n", "-ERR unknown command\r\n").announced == Announcement{});
}

TEST_CASE("builds are told apart by product, version and number of commands", "[learn]") {
  const auto build = [](std::string_view info, std::int64_t count) {
    std::string text;
    protocol::appendBulk(text, info);
    return parseBuild(*replyOf(text), *replyOf(":" + std::to_string(count) + "\r\n"),
                      *replyOf("-NOPERM no\r\n"));
  };
  const ServerBuild redis7 = build("# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\n", 240);
  CHECK(redis7.text() == "redis 7.0.15");
  const ServerBuild valkey =
      build("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n", 241);
  CHECK(valkey.text() == "valkey 8.1.1");
  CHECK(redis7 < build("redis_version:7.0.15\r\n", 241));
  CHECK(redis7 < build("redis_version:10.0.0\r\n", 1));
  CHECK(redis7 == build("redis_version:7.0.15", 240));
}

}  // namespace
}  // namespace slotless::discovery
