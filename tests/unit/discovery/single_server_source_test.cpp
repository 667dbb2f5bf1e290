// One server as a topology: who is asked, who is believed, what becomes of a failover, with and without
// sentinels.
#include "proxy/discovery/single_server_source.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "cluster_text.h"
#include "fake_loop.h"
#include "greeting.h"

namespace slotless::discovery {
namespace {

using net::Millis;
using test::bulk;
using test::list;

// What servers and sentinels say, until a test changes it. They are 127.0.0.1:port.
class OneServer {
 public:
  OneServer() {
    settings.seeds = {at(7000)};
    loop.onConnect = [this](const std::shared_ptr<test::FakeConnection>& connection) {
      if (down.contains(connection->peer().port)) return connection->refuse();
      ++connections;
      connection->accept();
      connection->push(greetings.contains(connection->peer().port) ? greetings[connection->peer().port]
                                                                   : std::string(test::kGreeted));
    };
  }
  ~OneServer() {
    source.reset();
    CHECK(loop.openConnections().empty());
  }

  static net::Address at(std::uint16_t port) { return {"127.0.0.1", port}; }

  void isMaster(std::uint16_t port, const std::vector<std::uint16_t>& followers = {}) {
    std::string info =
        "# Replication\r\nrole:master\r\nconnected_slaves:" + std::to_string(followers.size()) + "\r\n";
    for (std::size_t i = 0; i < followers.size(); ++i) {
      info += "slave" + std::to_string(i) + ":ip=127.0.0.1,port=" + std::to_string(followers[i]) +
              ",state=online,offset=14,lag=0\r\n";
    }
    says(port, info);
  }
  void isReplicaOf(std::uint16_t port, std::uint16_t master) {
    says(port, "# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:" +
                   std::to_string(master) + "\r\nmaster_link_status:down\r\n");
  }
  void says(std::uint16_t port, std::string_view replication,
            std::string_view server = "redis_version:7.0.15\r\n") {
    answers[port] = bulk(replication) + bulk(server) + list({bulk("none")});
  }
  void names(std::uint16_t sentinel, std::uint16_t master, int epoch,
             const std::vector<std::uint16_t>& others = {}) {
    std::vector<std::string> sentinels;
    for (const std::uint16_t other : others)
      sentinels.push_back(list({bulk("ip"), bulk("127.0.0.1"), bulk("port"), bulk(std::to_string(other))}));
    answers[sentinel] =
        list({bulk("127.0.0.1"), bulk(std::to_string(master))}) +
        list({bulk("name"), bulk("main"), bulk("config-epoch"), bulk(std::to_string(epoch))}) +
        list(sentinels);
  }

  void start() {
    source = std::make_unique<SingleServerSource>(
        loop, settings,
        TopologyEvents{[this](cluster::TopologyPtr topology) { published.push_back(std::move(topology)); },
                       [this] { ++confirmed; },
                       [this](const net::Address& server, const std::string& error) {
                         failures.push_back(server.text() + " " + error);
                       }},
        1);
    source->start();
    answer();
  }
  void useSentinels(const std::vector<std::uint16_t>& sentinels) {
    settings.seeds.clear();
    for (const std::uint16_t each : sentinels) settings.seeds.push_back(at(each));
    settings.sentinelName = "main";
  }
  // Everybody who has been asked says what he has to say, as often as somebody is asked.
  void answer() {
    loop.settle();
    for (bool any = true; any;) {
      any = false;
      for (const auto& connection : loop.openConnections()) {
        const std::uint16_t port = connection->peer().port;
        const std::size_t size = connection->written().size();
        if (silent.contains(port) || !answers.contains(port) || answered[connection] == size) continue;
        // Only greeted so far: the questions follow in a turn of their own.
        if (connection->written().find("INFO") == std::string::npos &&
            connection->written().find("SENTINEL") == std::string::npos)
          continue;
        answered[connection] = size;
        connection->push(answers[port]);
        loop.settle();
        any = true;
        break;
      }
    }
  }
  void pass(Millis time) {
    const net::TimePoint end = loop.now() + time;
    while (loop.nextTimer() <= end) {
      loop.advance(std::chrono::duration_cast<Millis>(loop.nextTimer() - loop.now()));
      answer();
    }
    loop.advance(std::chrono::duration_cast<Millis>(end - loop.now()));
  }
  void look() {
    source->request(true);
    pass(Millis(150));
  }
  std::uint16_t master() const {
    const cluster::Topology& now = source->current();
    const cluster::NodeIndex owner = now.owners.front();
    const bool one =
        std::all_of(now.owners.begin(), now.owners.end(), [&](auto each) { return each == owner; });
    CHECK(one);
    return owner == cluster::kNoNode ? std::uint16_t{0} : now.nodes[owner].address.port;
  }

  test::FakeLoop loop;
  RefreshSettings settings;
  std::set<std::uint16_t> down;
  std::set<std::uint16_t> silent;
  std::map<std::uint16_t, std::string> answers;
  std::map<std::uint16_t, std::string> greetings;
  std::map<std::shared_ptr<test::FakeConnection>, std::size_t> answered;
  std::size_t connections = 0;
  std::vector<cluster::TopologyPtr> published;
  std::size_t confirmed = 0;
  std::vector<std::string> failures;
  std::unique_ptr<SingleServerSource> source;
};

TEST_CASE_METHOD(OneServer, "one server has all slots, and its followers are its replicas", "[single]") {
  isMaster(7000, {7002, 7001});
  start();
  REQUIRE(published.size() == 1);
  CHECK(published[0]->complete());
  CHECK(published[0]->version == 1);
  CHECK(published[0]->serverVersion == "7.0.15");
  CHECK(published[0]->nodes.size() == 3);
  CHECK(published[0]->fewestReplicas() == 2);
  CHECK(master() == 7000);
  CHECK(confirmed == 1);
  CHECK(failures.empty());
}

TEST_CASE_METHOD(OneServer, "a quiet round asks the master alone, and publishes only what is new",
                 "[single]") {
  isMaster(7000, {7001});
  isReplicaOf(7001, 7000);
  settings.seeds = {at(7000), at(7001)};
  start();
  const std::size_t before = connections;
  pass(Millis(34000));
  CHECK(connections == before + 1);
  CHECK(published.size() == 1);
  CHECK(confirmed == 2);
}

TEST_CASE_METHOD(OneServer, "a replica leads to its master", "[single]") {
  isReplicaOf(7000, 7005);
  isMaster(7005, {7000});
  start();
  CHECK(master() == 7005);
}

TEST_CASE_METHOD(OneServer, "while the server is away it stays where it was, and is asked again and again",
                 "[single]") {
  isMaster(7000);
  start();
  down = {7000};
  look();
  pass(Millis(5000));
  CHECK(failures.size() >= 3);
  CHECK(master() == 7000);
  CHECK(published.size() == 1);
  const std::size_t before = confirmed;
  down.clear();
  pass(Millis(2500));
  CHECK(confirmed > before);
  CHECK(published.size() == 1);
}

TEST_CASE_METHOD(OneServer, "a listed replica that has been made the master is followed", "[single]") {
  settings.seeds = {at(7000), at(7001)};
  isMaster(7000, {7001});
  isReplicaOf(7001, 7000);
  start();
  CHECK(master() == 7000);
  isMaster(7001);
  SECTION("when the old one is down") {
    down = {7000};
  }
  SECTION("when the old one has become its replica") {
    isReplicaOf(7000, 7001);
  }
  look();
  CHECK(master() == 7001);
  CHECK(published.back()->version == 2);
}

TEST_CASE_METHOD(OneServer, "a replica that is not listed is nobody's successor", "[single]") {
  isMaster(7000, {7001});
  start();
  down = {7000};
  isMaster(7001);
  look();
  pass(Millis(5000));
  CHECK(master() == 7000);
}

TEST_CASE_METHOD(OneServer, "a second master does not move us while the first one is one", "[single]") {
  settings.seeds = {at(7000), at(7001)};
  isMaster(7000);
  start();
  isMaster(7001, {7002, 7003});
  for (int i = 0; i < 5; ++i) look();
  CHECK(master() == 7000);
  SECTION("nor while it is silent") {
    silent = {7000};
    look();
    CHECK(master() == 7000);
    pass(settings.queryTimeout);
    CHECK(master() == 7001);
  }
}

TEST_CASE_METHOD(OneServer, "who is not a server of that kind is named", "[single]") {
  SECTION("a node of a cluster") {
    says(7000, "role:master\r\n", "redis_mode:cluster\r\n");
    start();
    REQUIRE(!failures.empty());
    CHECK(failures[0] == "127.0.0.1:7000 the server is a node of a cluster: see upstream");
  }
  SECTION("a sentinel") {
    says(7000, "", "redis_mode:sentinel\r\n");
    start();
    REQUIRE(!failures.empty());
    CHECK(failures[0] == "127.0.0.1:7000 the server is a sentinel: see sentinel-name");
  }
  CHECK(published.empty());
}

TEST_CASE_METHOD(OneServer, "a server that forbids the questions is believed to be the master", "[single]") {
  const std::string denied = "-NOPERM this user has no permissions to run the 'info' command\r\n";
  answers[7000] = denied + denied + denied;
  start();
  CHECK(master() == 7000);
}

TEST_CASE_METHOD(OneServer, "ROLE tells what INFO may not", "[single]") {
  const std::string denied = "-NOPERM this user has no permissions to run the 'info' command\r\n";
  const std::string row = list({bulk("127.0.0.1"), bulk("7001"), bulk("14")});
  answers[7000] = denied + denied + list({bulk("master"), test::number(14), list({row})});
  start();
  CHECK(master() == 7000);
  CHECK(published.at(0)->fewestReplicas() == 1);
}

TEST_CASE_METHOD(OneServer, "sentinels name the master, and it has to agree", "[single]") {
  useSentinels({7100});
  names(7100, 7000, 1);
  isReplicaOf(7000, 7001);
  start();
  CHECK(published.empty());
  CHECK(failures.at(0) == "127.0.0.1:7000 the server that the sentinels name is a replica");
  isMaster(7000, {7001});
  pass(Millis(2500));
  CHECK(master() == 7000);
  CHECK(published.at(0)->fewestReplicas() == 1);
}

TEST_CASE_METHOD(OneServer, "a sentinel is asked every second, on one connection", "[single]") {
  useSentinels({7100});
  names(7100, 7000, 1);
  isMaster(7000);
  start();
  const std::size_t before = connections;
  pass(Millis(10000));
  CHECK(confirmed >= 9);
  CHECK(connections == before);
}

TEST_CASE_METHOD(OneServer, "a failover by sentinels is followed though nobody has lost anything",
                 "[single]") {
  useSentinels({7100});
  names(7100, 7000, 1);
  isMaster(7000, {7001});
  start();
  isMaster(7001);
  names(7100, 7001, 2);
  pass(Millis(1200));
  CHECK(master() == 7001);
  CHECK(published.back()->version == 2);
}

TEST_CASE_METHOD(OneServer, "a sentinel that was left behind does not move us back", "[single]") {
  useSentinels({7100, 7101});
  names(7100, 7001, 2);
  names(7101, 7001, 2);
  isMaster(7001);
  isMaster(7000);
  start();
  CHECK(master() == 7001);
  SECTION("by a lower epoch") {
    names(7101, 7000, 1);
    pass(Millis(10000));
    CHECK(master() == 7001);
  }
  SECTION("nor one that has not heard yet of what another one has begun") {
    names(7100, 7000, 2);
    names(7101, 7000, 2);
    pass(Millis(3000));
    CHECK(master() == 7000);
    names(7101, 7001, 2);
    pass(Millis(10000));
    CHECK(master() == 7000);
    names(7101, 7001, 3);
    names(7100, 7001, 3);
    pass(Millis(3000));
    CHECK(master() == 7001);
  }
}

TEST_CASE_METHOD(OneServer, "a name that the sentinels do not know is told", "[single]") {
  useSentinels({7100});
  answers[7100] = "*-1\r\n-ERR No such master with that name\r\n-ERR No such master with that name\r\n";
  start();
  CHECK(failures.at(0) == "127.0.0.1:7100 the sentinel knows no master by the name main");
}

TEST_CASE_METHOD(OneServer, "the servers' password is for those sentinels that ask for one", "[single]") {
  useSentinels({7100});
  settings.access.password = "secret";
  names(7100, 7000, 1);
  isMaster(7000);
  greetings[7000] = "+OK\r\n" + std::string(test::kGreeted);
  const auto onConnect = loop.onConnect;
  std::vector<std::shared_ptr<test::FakeConnection>> sentinels;
  loop.onConnect = [&](const std::shared_ptr<test::FakeConnection>& connection) {
    onConnect(connection);
    if (connection->peer().port == 7100) sentinels.push_back(connection);
  };
  SECTION("others are not told") {
    start();
    CHECK(master() == 7000);
    REQUIRE(sentinels.size() == 1);
    CHECK(sentinels[0]->written().find("secret") == std::string::npos);
  }
  SECTION("who asks is told") {
    greetings[7100] = "-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n";
    start();
    CHECK(published.empty());
    greetings[7100] = "+OK\r\n" + std::string(test::kGreeted);
    pass(Millis(500));
    CHECK(master() == 7000);
    REQUIRE(sentinels.size() >= 2);
    CHECK(sentinels[1]->written().find("secret") != std::string::npos);
  }
  sentinels.clear();
  answered.clear();
}

}  // namespace
}  // namespace slotless::discovery
