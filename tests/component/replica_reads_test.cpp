// Reads from replicas, where the configuration asks for them: never in sessions, never writes.
#include <algorithm>

#include "batch.h"
#include "proxy/dispatch/reply_texts.h"

namespace slotless::test {

namespace {
struct Replicas : Stage {
  void readFrom(config::ReadFrom policy) {
    config.readFrom = policy;
    node(4).answersHandshake("READONLY", "+OK\r\n");
    addReplica(4, 1);
    client.sends("GET a");  // the link to the replica is made on demand
    settle();
    if (node(1).unexpected() > 0) {
      node(1).expects("GET a").replies(bulk("0"));
    } else {
      clock.advance(200ms);
      node(4).expects("GET a").replies(bulk("0"));
    }
    client.receives(bulk("0"));
  }
};
// ROLE of a replica in that state.
std::string notInStep(std::string_view state) {
  return "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:7001\r\n" + bulk(state) + ":0\r\n";
}
constexpr config::ReadFrom kPolicies[] = {config::ReadFrom::PreferReplica, config::ReadFrom::Replica};
}  // namespace

TEST_CASE_METHOD(Replicas, "without being asked for, nothing goes to replicas") {
  addReplica(4, 1);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(node(4).connects() == 0);
}

TEST_CASE("reads go to a replica, on a link that said READONLY, and writes to the master") {
  for (const config::ReadFrom policy : kPolicies) {
    Replicas stage;
    stage.readFrom(policy);
    const auto& said = stage.node(4).handshakes();
    CHECK(std::count(said.begin(), said.end(), "READONLY") == 1);
    stage.client.sends({"GET a", "SET a 1", "EVAL x 1 a", "GET b"});
    stage.node(4).expects("GET a").replies(bulk("0"));
    stage.node(1).expects("SET a 1").replies("+OK\r\n");
    stage.node(1).expects("EVAL x 1 a").replies(":1\r\n");
    stage.clock.advance(100ms);
    if (policy == config::ReadFrom::PreferReplica) {
      stage.node(2).expects("GET b").replies(bulk("b"));
      stage.client.receives(bulk("0") + "+OK\r\n:1\r\n" + bulk("b"));
    } else {  // node 2 has no replica
      stage.clock.advance(16s);
      stage.client.receives(bulk("0") + "+OK\r\n:1\r\n" + std::string(session::reply_texts::kNoReplica));
    }
  }
}

TEST_CASE("reads inside sessions go to the master") {
  for (const config::ReadFrom policy : kPolicies) {
    Replicas stage;
    stage.readFrom(policy);
    stage.client.sends({"MULTI", "GET a", "EXEC"});
    Batch(stage.node(1), {"GET a"}).replies("*1\r\n" + bulk("1"));
    stage.client.receives("+OK\r\n+QUEUED\r\n*1\r\n" + bulk("1"));
    stage.client.sends("WATCH a");
    stage.node(1).expects("WATCH a").replies("+OK\r\n");
    stage.client.sends("GET a");
    stage.node(1).expects("GET a").replies(bulk("1"));
    stage.client.sends({"MULTI", "GET a", "EXEC"});
    Batch(stage.node(1), {"GET a"}).replies("*1\r\n" + bulk("1"));
    stage.client.receives("+OK\r\n" + bulk("1") + "+OK\r\n+QUEUED\r\n*1\r\n" + bulk("1"));
    stage.client.sends("XREAD BLOCK 0 STREAMS a $");
    stage.node(1).expects("XREAD BLOCK 0 STREAMS a $").replies("*-1\r\n");
    stage.client.receives("*-1\r\n");
    stage.node(4).expectsNothing();
  }
}

TEST_CASE("a replica that does not get what its master does is not read from until it does") {
  for (const config::ReadFrom policy : kPolicies) {
    for (const std::string_view state : {"connect", "connecting", "sync"}) {
      INFO(state);
      Replicas stage;
      stage.readFrom(policy);
      stage.node(4).answersHandshake("ROLE", notInStep(state));
      stage.clock.advance(1500ms);
      stage.client.sends("GET a");
      if (policy == config::ReadFrom::PreferReplica) {
        stage.node(1).expects("GET a").replies(bulk("1"));
        stage.client.receives(bulk("1"));
      }
      stage.node(4).expectsNothing();
      stage.node(4).answersHandshake("ROLE", std::string(kFollowing));
      stage.clock.advance(1100ms);  // asked once, and not again while GET is under way
      if (policy == config::ReadFrom::PreferReplica) stage.client.sends("GET a");
      stage.node(4).expects("GET a").replies(bulk("2"));
      stage.client.receives(bulk("2"));
    }
  }
}

TEST_CASE("a replica that has started again is not read from before it says that it is in step") {
  Replicas stage;
  stage.readFrom(config::ReadFrom::PreferReplica);
  stage.node(4).answersHandshake("ROLE", "");  // no answer yet
  stage.node(4).resets();
  stage.clock.advance(1s);
  stage.client.sends("GET a");
  stage.node(1).expects("GET a").replies(bulk("1"));
  stage.client.receives(bulk("1"));
  stage.node(4).expectsNothing();
}

TEST_CASE_METHOD(Stage, "a replica that may not say its role is read from") {
  config.readFrom = config::ReadFrom::Replica;
  node(4).answersHandshake("READONLY", "+OK\r\n");
  node(4).answersHandshake("ROLE", "-NOPERM this user has no permissions to run the 'role' command\r\n");
  addReplica(4, 1);
  client.sends("GET a");
  clock.advance(200ms);
  node(4).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE("a replica that CLUSTER SLOTS leaves out is read from if it is in step") {
  for (const bool inStep : {true, false}) {
    Stage stage;
    stage.config.readFrom = config::ReadFrom::PreferReplica;
    stage.node(4).answersHandshake("READONLY", "+OK\r\n");
    if (!inStep) stage.node(4).answersHandshake("ROLE", notInStep("connect"));
    stage.addJoiningReplica(4, 1);
    stage.client.sends("GET a");
    stage.node(1).expects("GET a").replies(bulk("1"));  // the link to the replica is made on demand
    stage.client.receives(bulk("1"));
    stage.clock.advance(200ms);
    stage.client.sends("GET a");
    stage.node(inStep ? 4 : 1).expects("GET a").replies(bulk("2"));
    stage.client.receives(bulk("2"));
  }
}

TEST_CASE_METHOD(Replicas, "a read that meets a replica that loads its data goes to the master") {
  readFrom(config::ReadFrom::PreferReplica);
  client.sends("GET a");
  node(4).expects("GET a").replies("-LOADING Redis is loading the dataset in memory\r\n");
  clock.advance(200ms);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Replicas, "a read that its replica does not serve goes to the master") {
  readFrom(config::ReadFrom::PreferReplica);
  client.sends("GET a");
  node(4).expects("GET a").replies(moved("a", 1));
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Replicas, "a read whose replica is lost goes to the master") {
  readFrom(config::ReadFrom::PreferReplica);
  client.sends("GET a");
  node(4).expects("GET a");
  node(4).refusesConnections();
  node(4).resets();
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

}  // namespace slotless::test
