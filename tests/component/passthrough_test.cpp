// Clients that are users of the nodes: who they are a node says, and everything that they ask goes to the
// nodes as that user.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "batch.h"

namespace slotless::test {

namespace {

constexpr std::string_view kTooMany =
    "-ERR max number of users with connections of their own reached (passthrough-max-users)\r\n";

struct Passing : Stage {
  Passing() {
    config.clientAuth = config::ClientAuth::Passthrough;
    config.username = "proxy";
    config.password = "secret";
    haveUsers({{"proxy", "secret"}, {"alice", "a"}, {"bob", "b"}});
  }
  void haveUsers(const std::map<std::string, std::string>& users) {
    for (const std::size_t number : {1U, 2U, 3U, 4U}) node(number).hasUsers(users);
  }
  void enters(FakeClient& who, const std::string& name, const std::string& password) {
    who.sends("AUTH " + name + " " + password);
    clock.advance(100ms);
    who.receives(kOk);
  }
  // How often nodes have been told that.
  std::size_t said(const std::string& words) {
    std::size_t times = 0;
    for (const std::size_t number : {1U, 2U, 3U, 4U}) {
      const auto& all = node(number).handshakes();
      times += static_cast<std::size_t>(std::count(all.begin(), all.end(), words));
    }
    return times;
  }
  void serves(FakeClient& who, const std::string& user) {
    who.sends("GET a");
    const Received got = node(1).expects("GET a");
    CHECK(got.user() == user);
    got.replies(bulk("1"));
    who.receives(bulk("1"));
  }
};

}  // namespace

// --- who they are ---

TEST_CASE_METHOD(Passing,
                 "passthrough: a client's requests go as the user that it is, each on links of its own") {
  enters(client, "alice", "a");
  enters(other, "bob", "b");
  client.sends({"GET a", "GET b"});
  other.sends("SET a 1");
  const Received get = node(1).expects("GET a");
  const Received set = node(1).expects("SET a 1");
  CHECK(get.user() == "alice");
  CHECK(set.user() == "bob");
  CHECK(&get.connection() != &set.connection());
  const Received second = node(2).expects("GET b");
  CHECK(second.user() == "alice");
  second.replies(bulk("2"));
  client.receivesNothing();
  get.replies(bulk("1"));
  set.replies(kOk);
  client.receives(bulk("1") + bulk("2"));
  other.receives(kOk);
  client.sends("ACL WHOAMI");
  client.receives(bulk("alice"));
  CHECK(metrics().nodeUsers.value() == 2);
}

TEST_CASE_METHOD(Passing,
                 "passthrough: what follows AUTH in one pipeline waits for it, and goes as its user") {
  client.sends({"AUTH alice a", "GET a"});
  const Received get = node(1).expects("GET a");
  CHECK(get.user() == "alice");
  get.replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1"));
}

TEST_CASE_METHOD(Passing, "passthrough: a wrong password gets the node's words, and the next attempt waits") {
  client.sends({"AUTH alice wrong", "GET a"});
  clock.advance(10ms);
  client.receives(std::string(kWrongPass) + std::string(kNoAuth));
  CHECK(metrics().loginsRefused.value() == 1);
  other.sends("AUTH alice a");
  other.receivesNothing();
  clock.advance(100ms);
  other.receives(kOk);
  CHECK(metrics().verifications.value() == 2);
}

TEST_CASE_METHOD(Passing, "passthrough: HELLO logs in, and its links speak RESP3") {
  client.sends({"HELLO 3 AUTH alice a", "GET a"});
  const Received get = node(1).expects("GET a");
  CHECK(get.user() == "alice");
  get.replies("_\r\n");
  CHECK(client.takes().ends_with("_\r\n"));
  other.sends("HELLO 3 AUTH alice wrong");
  clock.advance(10ms);
  other.receives(kWrongPass);
}

TEST_CASE_METHOD(Passing,
                 "passthrough: whoever has not logged in is the default user where that needs no password") {
  client.sends("GET a");
  clock.advance(10ms);
  client.receives(kNoAuth);
  haveUsers({{"proxy", "secret"}, {"default", ""}, {"alice", "a"}});
  clock.advance(2s);
  serves(other, "default");
  enters(other, "alice", "a");
  serves(other, "alice");
  other.sends("RESET");
  other.receives("+RESET\r\n");
  clock.advance(2s);
  serves(other, "default");
}

TEST_CASE_METHOD(Passing,
                 "passthrough: an answer is used again for a short time only, and while a link is up") {
  enters(client, "alice", "a");
  serves(client, "alice");
  const std::uint64_t asked = metrics().verifications.value();
  other.sends("AUTH alice a");
  other.receives(kOk);
  CHECK(metrics().verifications.value() == asked);
  FakeClient& wrong = addClient();
  wrong.sends("AUTH alice b");
  clock.advance(10ms);
  wrong.receives(kWrongPass);
  clock.advance(1s);
  haveUsers({{"proxy", "secret"}, {"alice", "new"}});
  FakeClient& late = addClient();
  late.sends("AUTH alice a");
  clock.advance(2s);
  late.receives(kWrongPass);
  serves(client, "alice");  // as with one Redis
}

TEST_CASE_METHOD(Passing, "passthrough: links say the new password when a client has come with it") {
  enters(client, "alice", "a");
  serves(client, "alice");
  haveUsers({{"proxy", "secret"}, {"alice", "new"}});
  clock.advance(2s);
  enters(other, "alice", "new");
  CHECK(said("AUTH alice new") >= 2);
  node(1).resets();
  clock.advance(5s);
  serves(client, "alice");
}

TEST_CASE_METHOD(Passing, "passthrough: the clients of a user that is gone are closed, others stay") {
  enters(client, "alice", "a");
  enters(other, "bob", "b");
  serves(client, "alice");
  for (const std::size_t number : {1U, 2U, 3U, 4U}) node(number).drops("alice");
  clock.advance(3s);
  CHECK(client.isClosed());
  serves(other, "bob");
  clock.advance(1min);
  CHECK(metrics().nodeUsers.value() == 1);
}

TEST_CASE_METHOD(Passing, "passthrough: a user that only one node does not know yet stays") {
  enters(client, "alice", "a");
  node(1).hasUsers({{"proxy", "secret"}, {"alice", "old"}});
  client.sends("GET a");
  clock.advance(300ms);
  client.receivesNothing();
  haveUsers({{"proxy", "secret"}, {"alice", "a"}});
  clock.advance(12s);
  if (client.isClosed()) return;  // the node that was asked was that one
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

// --- how many ---

TEST_CASE_METHOD(Passing, "passthrough: users are limited, and one without clients makes room") {
  config.passthroughMaxUsers = 1;
  enters(client, "alice", "a");
  other.sends("AUTH bob b");
  clock.advance(10ms);
  other.receives(kTooMany);
  client.leaves();
  enters(other, "bob", "b");
  serves(other, "bob");
  clock.advance(1s);
  CHECK(metrics().nodeUsers.value() == 1);
}

TEST_CASE_METHOD(Passing, "passthrough: links that nobody uses are closed, and made again") {
  enters(client, "alice", "a");
  serves(client, "alice");
  const std::size_t connects = node(1).connects();
  clock.advance(90s);
  serves(client, "alice");
  CHECK(node(1).connects() > connects);
  client.leaves();
  clock.advance(2min);
  CHECK(metrics().nodeUsers.value() == 0);
}

// --- what they may do ---

TEST_CASE_METHOD(Passing, "passthrough: what a node denies is the client's, and nobody learns from it") {
  enters(client, "alice", "a");
  client.sends("GET a");
  node(1).expects("GET a").replies(kNoKey);
  client.receives(kNoKey);
  client.sends("EVALSHA x 1 a");
  node(1).expects("EVALSHA x 1 a").replies(noCommand("evalsha"));
  client.receives(noCommand("evalsha"));
  CHECK(control.denials().rows().empty());
  serves(client, "alice");
}

TEST_CASE_METHOD(Passing, "passthrough: what the proxy answers itself a node has to permit") {
  enters(client, "alice", "a");
  for (const std::size_t number : {1U, 2U, 3U}) {
    node(number).forbids("alice client");
    node(number).forbids("alice acl");
    node(number).forbids("alice monitor");
  }
  client.sends("CLIENT LIST");
  client.receives(noCommand("client"));
  client.sends("PROXY LINKS");
  client.receives(noCommand("acl"));
  client.sends("MONITOR");
  client.receives(noCommand("monitor"));
  client.sends("PING");
  client.receives(kPong);
  for (const std::size_t number : {1U, 2U, 3U}) node(number).permits("alice client");
  clock.advance(2s);
  client.sends("CLIENT LIST");
  CHECK(client.takes().find("user=alice") != std::string::npos);
}

TEST_CASE_METHOD(Passing,
                 "passthrough: what is made of other commands is not a way around the nodes' rules") {
  enters(client, "alice", "a");
  for (const std::size_t number : {1U, 2U, 3U}) {
    node(number).forbids("alice keys");
    node(number).forbids("alice info");
  }
  client.sends({"KEYS *", "INFO"});
  client.receives(noCommand("keys") + noCommand("info"));
}

TEST_CASE_METHOD(Passing, "passthrough: where no node can tell, only what harms nobody is allowed") {
  for (const std::size_t number : {1U, 2U, 3U}) node(number).forbids("proxy acl");
  enters(client, "alice", "a");
  client.sends({"PING", "CLIENT SETNAME x", "CLIENT LIST"});
  const std::string got = client.takes();
  CHECK(got.starts_with(std::string(kPong) + std::string(kOk) + "-NOPERM Slotless cannot find out"));
  CHECK(got.find("+acl|dryrun") != std::string::npos);
}

TEST_CASE_METHOD(Passing, "passthrough: a node's refusal of a user says nothing about the node") {
  enters(client, "alice", "a");
  serves(client, "alice");
  node(1).drops("alice");
  clock.advance(300ms);
  metrics().forEachNode([](const telemetry::NodeMetrics& each) { CHECK(each.missing.value() == 0); });
}

TEST_CASE_METHOD(Passing,
                 "passthrough: a request that is under way when its client leaves keeps the user's links") {
  config.passthroughIdleTimeout = 1s;
  enters(client, "alice", "a");
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  client.resets();
  clock.advance(5s);
  CHECK(metrics().nodeUsers.value() == 1);
  get.replies(bulk("1"));
  clock.advance(1s);
  CHECK(metrics().nodeUsers.value() == 0);
}

TEST_CASE_METHOD(Passing, "passthrough: the limit of users is the process's, and so is making room") {
  workers = 2;
  config.passthroughMaxUsers = 1;
  FakeClient& there = addClient(1);
  enters(client, "alice", "a");
  there.sends("AUTH bob b");
  clock.advance(10ms);
  there.receives(kTooMany);
  enters(there, "alice", "a");
  client.leaves();
  FakeClient& second = addClient(1);
  second.sends("AUTH bob b");
  clock.advance(100ms);
  second.receives(kTooMany);
  there.leaves();
  enters(second, "bob", "b");
  clock.advance(1s);
  CHECK(metrics(0).nodeUsers.value() == 0);
  CHECK(metrics(1).nodeUsers.value() == 1);
}

TEST_CASE_METHOD(Passing, "passthrough: replicas are read as the user") {
  config.readFrom = config::ReadFrom::PreferReplica;
  node(4).answersHandshake("READONLY", std::string(kOk));
  addReplica(4, 1);
  enters(client, "alice", "a");
  client.sends("GET a");
  clock.advance(100ms);
  std::optional<Received> got = node(4).next();
  if (!got) {  // the first one comes before the replica's link is up
    got = node(1).expects("GET a");
    got->replies(bulk("1"));
    client.receives(bulk("1"));
    client.sends("GET a");
    got = node(4).expects("GET a");
  }
  CHECK(got->user() == "alice");
  got->replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Passing, "passthrough: a transaction that the user may not begin is not begun") {
  enters(client, "alice", "a");
  for (const std::size_t number : {1U, 2U, 3U}) node(number).forbids("alice exec");
  client.sends("MULTI");
  client.receives(noCommand("exec"));
  for (const std::size_t number : {1U, 2U, 3U}) node(number).permits("alice exec");
  clock.advance(2s);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  const Received multi = node(1).expects("MULTI");
  CHECK(multi.user() == "alice");
  node(1).expects("SET a 1");
  const Received exec = node(1).expects("EXEC");
  exec.replies(std::string(kOk) + std::string(kQueued) + "*1\r\n+OK\r\n");
  client.receives(std::string(kOk) + std::string(kQueued) + "*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Passing, "passthrough: WATCH and what blocks have leases of the user") {
  enters(client, "alice", "a");
  client.sends("WATCH a");
  const Received watch = node(1).expects("WATCH a");
  CHECK(watch.user() == "alice");
  watch.replies(kOk);
  client.receives(kOk);
  client.sends("AUTH bob b");
  CHECK(client.takes().starts_with("-ERR another user can log in only outside"));
  client.sends("UNWATCH");
  node(1).expects("UNWATCH").replies(kOk);
  client.receives(kOk);
  client.sends("BLPOP a 0");
  const Received pop = node(1).expectsAny();
  CHECK(pop.user() == "alice");
  pop.replies("*2\r\n" + bulk("a") + bulk("1"));
  client.receives("*2\r\n" + bulk("a") + bulk("1"));
}

TEST_CASE_METHOD(Passing, "passthrough: a subscription is the user's, and a node may refuse it") {
  enters(client, "alice", "a");
  client.sends("SUBSCRIBE news");
  clock.advance(10ms);
  std::optional<Received> got;
  for (const std::size_t number : {1U, 2U, 3U}) {
    if (auto each = node(number).next()) got = each;
  }
  REQUIRE(got);
  CHECK(got->user() == "alice");
  got->replies("-NOPERM this user has no permissions to access one of the channels used as arguments\r\n");
  client.receives("-NOPERM this user has no permissions to access one of the channels used as arguments\r\n");
}

TEST_CASE_METHOD(Passing, "passthrough: holding, redirects and order are as for everybody") {
  enters(client, "alice", "a");
  serves(client, "alice");
  client.sends({"SET a 1", "SET a 2"});
  const Received first = node(1).expects("SET a 1");
  const Received second = node(1).expects("SET a 2");
  first.replies(moved("a", 3));
  second.replies(moved("a", 3));
  const Received again = node(3).expects("SET a 1");
  CHECK(again.user() == "alice");
  again.replies(kOk);
  node(3).expects("SET a 2").replies(kOk);
  client.receives(std::string(kOk) + std::string(kOk));
}

TEST_CASE_METHOD(Passing, "passthrough: PROXY LINKS shows whose a link is, and no password") {
  enters(client, "alice", "a");
  serves(client, "alice");
  client.sends("PROXY LINKS");
  const std::string links = client.takes();
  CHECK(links.find("user=alice") != std::string::npos);
  CHECK(links.find("secret") == std::string::npos);
}

TEST_CASE_METHOD(Passing,
                 "passthrough: who was let in otherwise has no place when it is switched on or off") {
  enters(client, "alice", "a");
  config.clientAuth = config::ClientAuth::None;
  worker().setConfig(config);
  settle();
  CHECK(client.isClosed());
  serves(other, "proxy");
}

}  // namespace slotless::test
