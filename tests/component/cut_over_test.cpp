// The cut-over from one server to a cluster, as a worker and its clients go through it (upstream migrating).
#include <string>

#include "batch.h"
#include "config/upstream.h"
#include "proxy/session/call_back.h"
#include "proxy/session/pause_gate.h"

namespace slotless::test {

namespace {

using session::CalledBack;

constexpr std::string_view kSentAway = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";

// Node 1 is the server, node 2 the cluster, where database 1 is pinned.
struct Migrating : Stage {
  Migrating() {
    asLoaded.upstream = config::Upstream::Migrating;
    asLoaded.databases = 4;
    asLoaded.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a", {}}};
    config = config::forSide(asLoaded, config::Upstream::Single);
    for (std::size_t number = 1; number <= 2; ++number) {
      node(number).answersHandshake("SELECT", std::string(kOk));
      node(number).answersHandshake("CLUSTER GETKEYSINSLOT", "*0\r\n");
      node(number).answersHandshake("CLIENT", ":77\r\n");
    }
    replaceNode(2, 1);
    replaceNode(3, 1);
  }
  void select(FakeClient& who, int index) {
    who.sends("SELECT " + std::to_string(index));
    clock.advance(200ms);
    who.receives(kOk);
  }
  void shut(bool shut) {
    worker().perform([shut](session::Services& services, std::size_t) { services.gate.shut(shut); }, 0);
    settle();
  }
  CalledBack look() {
    CalledBack found;
    worker().perform([&](session::Services& services, std::size_t) { found = session::callBack(services); },
                     0);
    settle();
    return found;
  }
  void goOver() {
    auto topology = std::make_shared<cluster::Topology>();
    topology->version = 100;
    topology->nodes.push_back({"node2", node(2).address(), true, 1, {}});
    topology->owners.fill(0);
    worker::Worker::Place place;
    place.config =
        std::make_shared<const config::Config>(config::forSide(asLoaded, config::Upstream::Cluster));
    place.topology = topology;
    place.commands = protocol::CommandTable::builtIn();
    worker().relocate(place);
    settle();
  }

  config::Config asLoaded;
};

}  // namespace

TEST_CASE_METHOD(Migrating,
                 "cut-over: a blocked command is sent away by the server, and blocks on in the cluster") {
  select(client, 1);
  client.sends("BLPOP q 10");
  const Received pop = node(1).expects("BLPOP q 10.000");
  clock.advance(4000ms);
  shut(true);
  const CalledBack found = look();
  CHECK(found.blocked == 1);
  CHECK(found.underWay == 0);
  CHECK_FALSE(found.isDenied);
  const Batch order(node(1), {"CLIENT UNBLOCK 77 ERROR", kPaused});
  pop.replies(kSentAway);
  order.replies("*2\r\n:1\r\n:0\r\n");
  CHECK(look().blocked == 0);
  client.receivesNothing();
  // It is in the client's input, and belongs to nobody until the gate is open.
  clock.advance(500ms);
  node(1).expectsNothing();
  CHECK(metrics().blockedClients.value() == 1);
  goOver();
  const Received again = node(2).expects("BLPOP ~1{a}q 6.000");
  again.replies("*2\r\n" + bulk("~1{a}q") + bulk("x"));
  client.receives("*2\r\n" + bulk("q") + bulk("x"));
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Migrating, "cut-over: a cursor of the cluster's begins anew on the server") {
  const std::string page = "*2\r\n$1\r\n0\r\n*0\r\n";
  const auto asksFor = [&](const std::string& sent, const std::string& wanted) {
    client.sends(sent);
    node(1).expects(wanted).replies(page);
    client.receives(page);
  };
  // Of a roll-back that need not have been seen here.
  asksFor("SCAN 68719476736 COUNT 5", "SCAN 0 COUNT 5");
  asksFor("SCAN 9007199254740991 MATCH a*", "SCAN 0 MATCH a*");
  // The server's own, and what it has to say of others.
  asksFor("SCAN 68719476735", "SCAN 68719476735");
  asksFor("SCAN 9007199254740992", "SCAN 9007199254740992");
  asksFor("SCAN x", "SCAN x");
}

TEST_CASE_METHOD(Migrating, "cut-over: an element that was being popped is the client's") {
  client.sends("BLPOP q 0");
  const Received pop = node(1).expects("BLPOP q 0");
  shut(true);
  CHECK(look().blocked == 1);
  const Batch order(node(1), {"CLIENT UNBLOCK 77 ERROR", kPaused});
  pop.replies("*2\r\n" + bulk("q") + bulk("x"));
  order.replies("*2\r\n:0\r\n:0\r\n");
  CHECK(look().blocked == 0);
  client.receives("*2\r\n" + bulk("q") + bulk("x"));
  goOver();
  node(2).expectsNothing();
}

TEST_CASE_METHOD(Migrating, "cut-over: given up, a command that was called back blocks where it did") {
  client.sends("BLPOP q 0");
  const Received pop = node(1).expects("BLPOP q 0");
  shut(true);
  look();
  const Batch order(node(1), {"CLIENT UNBLOCK 77 ERROR", kPaused});
  pop.replies(kSentAway);
  order.replies("*2\r\n:1\r\n:0\r\n");
  look();
  shut(false);
  node(1).expects("BLPOP q 0").replies("*-1\r\n");
  client.receives("*-1\r\n");
}

TEST_CASE_METHOD(Migrating, "cut-over: without CLIENT ID nothing can be called back, which is told") {
  node(1).answersHandshake("CLIENT", "-NOPERM no\r\n");
  client.sends("BLPOP q 0");
  const Received pop = node(1).expects("BLPOP q 0");
  shut(true);
  CHECK(look().isDenied);
  node(1).expectsNothing();
  shut(false);
  pop.replies("*-1\r\n");
  client.receives("*-1\r\n");
}

TEST_CASE_METHOD(
    Migrating,
    "cut-over: requests wait in their order, what is under way ends, and transactions get on to EXEC") {
  select(client, 1);
  select(other, 1);
  client.sends("SET k 1");
  const Received first = node(1).expects("SET k 1");
  other.sends({"MULTI", "SET k 2"});
  other.receives(std::string(kOk) + std::string(kQueued));
  shut(true);
  client.sends({"SET k 3", "GET k"});
  other.sends("EXEC");
  const Batch exec(node(1), {"SET k 2"});
  CHECK(look().underWay == 2);
  first.replies(kOk);
  client.receives(kOk);
  exec.replies("*1\r\n+OK\r\n");
  other.receives("*1\r\n+OK\r\n");
  CHECK(look().underWay == 0);
  node(1).expectsNothing();
  goOver();
  const Received set = node(2).expects("SET ~1{a}k 3");
  const Received get = node(2).expects("GET ~1{a}k");
  set.replies(kOk);
  get.replies(bulk("3"));
  client.receives(std::string(kOk) + bulk("3"));
}

TEST_CASE_METHOD(Migrating,
                 "cut-over: what was watched or queued on the server is not carried out in the cluster") {
  client.sends("WATCH k");
  node(1).expects("WATCH k").replies(kOk);
  client.receives(kOk);
  client.sends({"MULTI", "SET k 1"});
  client.receives(std::string(kOk) + std::string(kQueued));
  other.sends({"MULTI", "SET k 2"});
  other.receives(std::string(kOk) + std::string(kQueued));
  shut(true);
  CHECK(look().underWay == 0);
  goOver();
  client.sends("EXEC");
  client.receives("*-1\r\n");
  other.sends("EXEC");
  CHECK(other.takes().starts_with("-EXECABORT "));
  node(2).expectsNothing();
  client.sends({"MULTI", "SET k 3", "EXEC"});
  client.receives(std::string(kOk) + std::string(kQueued));
  Batch(node(2), {"SET k 3"}).replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Migrating, "cut-over: subscriptions go over, by the names that databases have there") {
  client.sends("SUBSCRIBE news");
  node(1).expects("subscribe news").replies("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
  client.receives("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
  other.sends("PSUBSCRIBE __keyspace@1__:*");
  node(1)
      .expects("psubscribe __keyspace@1__:*")
      .replies("*3\r\n$10\r\npsubscribe\r\n" + bulk("__keyspace@1__:*") + ":1\r\n");
  other.receives("*3\r\n$10\r\npsubscribe\r\n" + bulk("__keyspace@1__:*") + ":1\r\n");
  shut(true);
  CHECK(look().underWay == 0);
  goOver();
  bool news = false;
  bool mapped = false;
  while (const auto asked = node(2).next()) {
    for (const auto& word : asked->words()) {
      news |= word == "news";
      mapped |= word.find("~1{a}") != std::string::npos;
    }
  }
  CHECK(news);
  CHECK(mapped);
  while (node(1).next()) {
  }  // what the server is told last is of no interest
}

TEST_CASE_METHOD(Migrating,
                 "cut-over: clients keep their databases, and a configuration from before comes too late") {
  select(client, 3);
  select(other, 1);
  shut(true);
  goOver();
  worker().setConfig(config::forSide(asLoaded, config::Upstream::Single));
  settle();
  client.sends("GET k");
  node(2).expectsAny().replies("$-1\r\n");
  client.receives("$-1\r\n");
  other.sends("GET k");
  node(2).expects("GET ~1{a}k").replies("$-1\r\n");
  other.receives("$-1\r\n");
  other.sends("SELECT 0");
  other.receives(kOk);
  other.sends("GET k");
  node(2).expects("GET k").replies("$-1\r\n");
  other.receives("$-1\r\n");
}

}  // namespace slotless::test
