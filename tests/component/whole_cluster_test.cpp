// Commands that concern all nodes: who is asked, what becomes of the answers, and what if a node is missing.
#include "stage.h"

namespace slotless::test {

namespace {
constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kNotBusy = "-NOTBUSY No scripts in execution right now.\r\n";

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
// Where a SCAN from 0 goes: which of them has been asked for something.
FakeNode& ownerOfSlot0(Stage& stage) {
  stage.settle();
  std::size_t owner = 1;
  while (owner < kNodes && stage.node(owner).unexpected() == 0) ++owner;
  return stage.node(owner);
}
}  // namespace

TEST_CASE_METHOD(Stage, "numbers of all masters are one number") {
  client.sends("DBSIZE");
  node(1).expects("DBSIZE").replies(":1\r\n");
  node(3).expects("DBSIZE").replies(":3\r\n");
  client.receivesNothing();
  node(2).expects("DBSIZE").replies(":38\r\n");
  client.receives(":42\r\n");
}

TEST_CASE_METHOD(Stage, "one node that fails fails the whole, with its own words") {
  client.sends("FLUSHALL");
  node(1).expects("FLUSHALL").replies(kOk);
  node(2).expects("FLUSHALL").replies("-NOPERM this user has no permissions\r\n");
  node(3).expects("FLUSHALL").replies(kOk);
  client.receives("-NOPERM this user has no permissions\r\n");
}

TEST_CASE_METHOD(Stage, "a command for all masters follows one that is replaced to its successor") {
  worker();
  node(2).refusesConnections();
  node(2).resets();
  client.sends("DBSIZE");
  node(1).expects("DBSIZE").replies(":1\r\n");
  node(3).expects("DBSIZE").replies(":1\r\n");
  client.receivesNothing();
  replaceNode(2, 4);
  node(4).expects("DBSIZE").replies(":5\r\n");
  client.receives(":7\r\n");
}

TEST_CASE_METHOD(Stage, "a master that comes back and does not know of its successor is not asked about keys") {
  const auto sizes = [this](std::initializer_list<std::size_t> asked) {
    client.sends("DBSIZE");
    for (const std::size_t number : asked) node(number).expects("DBSIZE").replies(":1\r\n");
    client.receives(":" + std::to_string(asked.size()) + "\r\n");
  };
  addReplica(4, 1);
  promote(4, 1);
  sizes({2, 3, 4});
  client.sends("KEYS *");
  for (const std::size_t number : {2U, 3U, 4U}) node(number).expects("KEYS *").replies("*0\r\n");
  client.receives("*0\r\n");
  addReplica(1, 4);  // it has learned of it
  sizes({2, 3, 4});
  promote(1, 4);
  sizes({1, 2, 3});
}

TEST_CASE_METHOD(Stage, "a master whose slots have been moved away, or are to come, is asked as all are") {
  addNode(4);
  giveAllSlots(1, 2);
  client.sends("DBSIZE");
  for (const std::size_t number : {1U, 2U, 3U, 4U}) node(number).expects("DBSIZE").replies(":1\r\n");
  client.receives(":4\r\n");
}

TEST_CASE_METHOD(Stage, "a library for all masters follows one that has become a replica to its successor") {
  const std::string_view load = "FUNCTION LOAD code";
  client.sends(load);
  for (const std::size_t i : {1U, 3U}) node(i).expects(load).replies("$4\r\ncode\r\n");
  node(2).expects(load).replies("-READONLY You can't write against a read only replica.\r\n");
  client.receivesNothing();
  replaceNode(2, 4);
  clock.advance(100ms);
  node(4).expects(load).replies("$4\r\ncode\r\n");
  client.receives("$4\r\ncode\r\n");
}

TEST_CASE_METHOD(Stage, "a command for all nodes does not wait for one that has left the cluster") {
  config.allowAdminCommands = true;
  addReplica(4, 1);
  node(4).refusesConnections();
  client.sends("ACL SAVE");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("ACL SAVE").replies(kOk);
  clock.advance(1s);
  client.receivesNothing();
  replaceNode(4, 1);
  clock.advance(100ms);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "a command for all masters does not wait for one that turns out to be a replica") {
  const std::string_view load = "FUNCTION LOAD code";
  addNode(4);
  client.sends(load);
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects(load).replies("$4\r\ncode\r\n");
  node(4).expects(load).replies("-READONLY You can't write against a read only replica.\r\n");
  client.receivesNothing();
  addReplica(4, 1);
  clock.advance(100ms);
  client.receives("$4\r\ncode\r\n");
}

TEST_CASE_METHOD(Stage, "INFO does without a master that cannot be reached") {
  worker();
  node(2).refusesConnections();
  node(2).resets();
  client.sends("INFO keyspace");
  node(1).expects("INFO keyspace").replies(bulk("# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0\r\n"));
  node(3).expects("INFO keyspace").replies(bulk("# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n"));
  client.receives(bulk("# Keyspace\r\ndb0:keys=5,expires=0,avg_ttl=0\r\n"));
}

TEST_CASE_METHOD(Stage, "INFO without any master is about the proxy") {
  worker();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    node(i).refusesConnections();
    node(i).resets();
  }
  client.sends("INFO cluster");
  clock.advance(1100ms);
  client.receives(bulk("# Cluster\r\ncluster_enabled:0\r\n"));
}

TEST_CASE_METHOD(Stage, "SCRIPT KILL takes a link of its own, and one success is enough") {
  client.sends("EVAL script 1 a");
  const Received busy = node(1).expects("EVAL script 1 a");
  other.sends("SCRIPT KILL");
  const Received kill = node(1).expects("SCRIPT KILL");
  CHECK(&kill.connection() != &busy.connection());
  kill.replies(kOk);
  node(2).expects("SCRIPT KILL").replies(kNotBusy);
  node(3).expects("SCRIPT KILL").replies(kNotBusy);
  other.receives(kOk);
  busy.replies("-ERR Error running script: Script killed by user with SCRIPT KILL.\r\n");
  client.receives("-ERR Error running script: Script killed by user with SCRIPT KILL.\r\n");
}

TEST_CASE_METHOD(Stage, "SCRIPT KILL finds a script on a replica") {
  addReplica(4, 1);
  client.sends("SCRIPT KILL");
  for (const std::size_t i : {1U, 2U, 3U}) node(i).expects("SCRIPT KILL").replies(kNotBusy);
  client.receivesNothing();
  node(4).expects("SCRIPT KILL").replies(kOk);
  client.receives(kOk);
}

TEST_CASE("SCRIPT KILL and FUNCTION KILL find what runs on a master that has lost its place") {
  struct Case {
    std::string_view runs;
    std::string_view kills;
    std::string_view killed;
  };
  constexpr Case kCases[] = {
      {"EVAL script 1 b", "SCRIPT KILL",
       "-ERR Error running script: Script killed by user with SCRIPT KILL.\r\n"},
      {"FCALL endless 1 b", "FUNCTION KILL",
       "-ERR Error running script: Script killed by user with FUNCTION KILL.\r\n"},
  };
  for (const Case& each : kCases) {
    INFO(each.kills);
    Stage stage;
    stage.client.sends(each.runs);
    const Received busy = stage.node(2).expects(each.runs);
    stage.replaceNode(2, 4);
    stage.clock.advance(100ms);
    stage.other.sends(each.kills);
    for (const std::size_t i : {1U, 3U, 4U}) stage.node(i).expects(each.kills).replies(kNotBusy);
    stage.other.receivesNothing();
    stage.node(2).expects(each.kills).replies(kOk);
    stage.other.receives(kOk);
    busy.replies(each.killed);
    stage.client.takes();
  }
}

TEST_CASE_METHOD(Stage, "SCRIPT KILL does without a replica or a former master that is gone") {
  settle();
  node(2).refusesConnections();
  node(2).resets();
  replaceNode(2, 4);
  client.sends("FUNCTION KILL");
  for (const std::size_t i : {1U, 3U, 4U}) node(i).expects("FUNCTION KILL").replies(kNotBusy);
  client.receivesNothing();
  clock.advance(1100ms);
  client.receives(kNotBusy);
  // Nobody goes on knocking there.
  clock.advance(20s);
  const std::size_t connects = node(2).connects();
  clock.advance(20s);
  CHECK(node(2).connects() == connects);
}

TEST_CASE_METHOD(Stage, "a SCAN whose node says of itself that it has lost the slot starts over") {
  const std::string others = "id1 127.0.0.1:1@1 myself,master - 0 0 1 connected 16383\n";
  client.sends("SCAN 0 COUNT 5");
  FakeNode& asked = ownerOfSlot0(*this);
  asked.expects("CLUSTER NODES").replies(bulk(others));
  asked.expects("SCAN 0 COUNT 5").replies("*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
  asked.expects("CLUSTER NODES").replies(bulk(others));
  // Slot 0 again, from the beginning; and the topology is looked up.
  client.receives("*2\r\n$6\r\n262144\r\n*0\r\n");
  CHECK(control.urgentRefreshes == 1);
}

TEST_CASE_METHOD(Stage, "a SCAN of a user who may not ask CLUSTER NODES goes by the topology") {
  const std::string refused = "-NOPERM this user has no permissions to run the 'cluster|nodes' command\r\n";
  client.sends("SCAN 0");
  FakeNode& asked = ownerOfSlot0(*this);
  asked.expects("CLUSTER NODES").replies(refused);
  asked.expects("SCAN 0").replies("*2\r\n$1\r\n7\r\n*0\r\n");
  asked.expects("CLUSTER NODES").replies(refused);
  CHECK(client.takes() != "*2\r\n$1\r\n0\r\n*0\r\n");  // it goes on
  CHECK(control.urgentRefreshes == 0);
}

TEST_CASE_METHOD(Stage, "a SCAN that a node refuses gives the node's error") {
  client.sends({"SCAN x", "SCAN 0 COUNT 0"});
  client.receives("-ERR invalid cursor\r\n");
  FakeNode& asked = ownerOfSlot0(*this);
  asked.expects("CLUSTER NODES").replies("-ERR no\r\n");
  asked.expects("SCAN 0 COUNT 0").replies("-ERR syntax error\r\n");
  asked.expects("CLUSTER NODES").replies("-ERR no\r\n");
  client.receives("-ERR syntax error\r\n");
}

TEST_CASE_METHOD(Stage, "CONFIG GET needs no permission, and CONFIG SET does") {
  client.sends({"CONFIG GET maxmemory", "CONFIG SET maxmemory 1"});
  for (std::size_t i = 1; i <= kNodes; ++i) {
    node(i).expects("CONFIG GET maxmemory").replies("*2\r\n$9\r\nmaxmemory\r\n$2\r\n10\r\n");
  }
  client.receives(
      "*2\r\n$9\r\nmaxmemory\r\n$2\r\n30\r\n"
      "-ERR 'config|set' administers a server: Slotless refuses it unless allow-admin-commands is set\r\n");
}

namespace {

// With node 2 dead for good.
struct Crippled : Stage {
  Crippled() {
    worker();
    node(2).refusesConnections();
    node(2).resets();
    settle();
  }
  void theOthersAnswer(std::string_view request, std::string_view reply) {
    for (const std::size_t i : {1U, 3U}) node(i).expects(request).replies(reply);
  }
};

}  // namespace

TEST_CASE_METHOD(Crippled, "what need not be everywhere is answered at once by the nodes that live") {
  struct Case {
    std::string_view request;
    std::string_view fromNodes;
    std::string_view answer;
  };
  constexpr Case kCases[] = {
      {"SCRIPT LOAD x", "$1\r\na\r\n", "$1\r\na\r\n"},
      {"SCRIPT EXISTS a", "*1\r\n:1\r\n", "*1\r\n:1\r\n"},
      {"SCRIPT FLUSH", kOk, kOk},
      {"SCRIPT KILL", kNotBusy, kNotBusy},
      {"CONFIG GET hz", "*2\r\n$2\r\nhz\r\n$1\r\n1\r\n", "*2\r\n$2\r\nhz\r\n$1\r\n1\r\n"},
      {"PUBSUB NUMPAT", ":1\r\n", ":2\r\n"},
      {"PUBSUB CHANNELS", "*1\r\n$1\r\na\r\n", "*1\r\n$1\r\na\r\n"},
  };
  for (const Case& each : kCases) {
    INFO(each.request);
    client.sends(each.request);
    theOthersAnswer(each.request, each.fromNodes);
    client.receives(each.answer);
  }
  client.sends("RANDOMKEY");
  for (const std::size_t i : {1U, 3U}) node(i).expects("RANDOMKEY").replies("$-1\r\n");
  client.receives("$-1\r\n");
}

TEST_CASE_METHOD(Crippled, "what has to be everywhere, or would lack keys, waits for the node, and fails") {
  for (const std::string_view text : {"FUNCTION LOAD x", "FLUSHALL", "DBSIZE", "KEYS *"}) {
    INFO(text);
    client.sends(text);
    theOthersAnswer(text, text == "KEYS *" ? "*0\r\n" : text == "DBSIZE" ? ":1\r\n" : kOk);
    client.receivesNothing();
    clock.advance(config.holdTimeout + 1s);
    client.receives(kNoMaster);
  }
}

TEST_CASE_METHOD(Stage, "a script is loaded where its node is lost while it loads") {
  client.sends("SCRIPT LOAD x");
  for (const std::size_t i : {1U, 3U}) node(i).expects("SCRIPT LOAD x").replies("$1\r\na\r\n");
  node(2).expects("SCRIPT LOAD x");
  node(2).refusesConnections();
  node(2).resets();
  clock.advance(1100ms);
  client.receives("$1\r\na\r\n");
}

TEST_CASE_METHOD(Stage,
                 "INFO and ROLE tell of as many replicas as every master has, under the proxy's address") {
  for (const std::size_t i : {1U, 2U, 3U}) addReplica(4, i);
  const auto replication = [](int count) {
    std::string text = "# Replication\r\nrole:master\r\nconnected_slaves:" + std::to_string(count) + "\r\n";
    for (int i = 0; i < count; ++i)
      text += "slave" + std::to_string(i) + ":ip=10.0.0.9,port=1,state=online,offset=90,lag=1\r\n";
    return bulk(text + "master_repl_offset:100\r\n");
  };
  client.sends("INFO replication");
  node(1).expects("INFO replication").replies(replication(2));
  node(2).expects("INFO replication").replies(replication(1));
  node(3).expects("INFO replication").replies(replication(1));
  const std::string info = client.takes();
  CHECK(info.find("connected_slaves:1\r\nslave0:ip=") != std::string::npos);
  CHECK(info.find("state=online,offset=270,lag=1\r\n") != std::string::npos);
  CHECK(info.find("10.0.0.9") == std::string::npos);
  CHECK(info.find("slave1") == std::string::npos);
  client.sends("ROLE");
  CHECK(client.takes().starts_with("*3\r\n$6\r\nmaster\r\n:0\r\n*1\r\n*3\r\n"));
}

TEST_CASE_METHOD(Stage, "a SCAN of scattered slots goes from node to node") {
  for (const std::string_view key : {"a", "b", "c", "d"}) giveSlot(key, key == "a" ? 2 : key == "b" ? 3 : 1);
  giveSlot("c", 2);
  client.sends("SCAN 0");
  std::string cursor = "0";
  std::size_t pages = 0;
  do {
    settle();
    std::size_t asked = 1;
    while (asked < kNodes && node(asked).unexpected() == 0) ++asked;
    node(asked).expects("CLUSTER NODES").replies("-NOPERM no\r\n");
    node(asked).expects("SCAN 0").replies("*2\r\n$1\r\n0\r\n*1\r\n" + bulk(asked == 1 ? "d" : "x"));
    node(asked).expects("CLUSTER NODES").replies("-NOPERM no\r\n");
    const std::string page = client.takes();
    const std::size_t begin = page.find("\r\n", 4) + 2;
    cursor = page.substr(begin, page.find("\r\n", begin) - begin);
    ++pages;
    if (cursor != "0") client.sends("SCAN " + cursor);
  } while (cursor != "0" && pages < 10);
  CHECK(pages == kNodes);
}

}  // namespace slotless::test
