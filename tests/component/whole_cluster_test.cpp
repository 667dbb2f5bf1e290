// Commands that concern all nodes: who is asked, what becomes of the answers, and what if a node is missing.
#include <algorithm>
#include <string>

#include "protocol/command_table.h"
#include "proxy/scripts/script_cache.h"
#include "stage.h"

namespace slotless::test {

namespace {
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

TEST_CASE_METHOD(Stage,
                 "a master that comes back and does not know of its successor is not asked about keys") {
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
  client.receives("*2\r\n$11\r\n68719738880\r\n*0\r\n");
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
      "*2\r\n$9\r\nmaxmemory\r\n$2\r\n10\r\n"
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
};

}  // namespace

namespace {

// With that shard away for good: answered at once by those that live, or an error when hold-timeout is over.
enum class Then { AtOnce, Fails };
struct AllNodeCommand {
  std::string_view name;  // as in the table of commands
  std::string_view request;
  std::string_view fromNodes;
  Then then;
  std::string_view answer = {};  // where it is not what each node has said
  std::string_view part = {};    // … or only this part of it is known
};
constexpr AllNodeCommand kAllNodeCommands[] = {
    {"script|load", "SCRIPT LOAD x", "$1\r\na\r\n", Then::AtOnce},
    {"script|exists", "SCRIPT EXISTS a", "*1\r\n:1\r\n", Then::AtOnce},
    {"script|flush", "SCRIPT FLUSH", kOk, Then::AtOnce},
    {"script|kill", "SCRIPT KILL", kNotBusy, Then::AtOnce},
    {"function|kill", "FUNCTION KILL", kNotBusy, Then::AtOnce},
    {"function|stats", "FUNCTION STATS", "*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*0\r\n",
     Then::AtOnce},
    {"config|get", "CONFIG GET hz", "*2\r\n$2\r\nhz\r\n$1\r\n1\r\n", Then::AtOnce},
    {"config|set", "CONFIG SET hz 11", kOk, Then::AtOnce},
    {"config|resetstat", "CONFIG RESETSTAT", kOk, Then::AtOnce},
    {"randomkey", "RANDOMKEY", "$-1\r\n", Then::AtOnce},
    {"info", "INFO cluster", "$30\r\n# Cluster\r\ncluster_enabled:1\r\n\r\n", Then::AtOnce,
     "$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n"},
    {"lastsave", "LASTSAVE", ":7\r\n", Then::AtOnce},
    {"memory|doctor",
     "MEMORY DOCTOR",
     "$2\r\nok\r\n",
     Then::AtOnce,
     {},
     "The masters say of theirs:\n\nok\n\r\n"},
    {"memory|malloc-stats", "MEMORY MALLOC-STATS", "$2\r\nok\r\n", Then::AtOnce},
    {"memory|purge", "MEMORY PURGE", kOk, Then::AtOnce},
    {"memory|stats", "MEMORY STATS", "*2\r\n$10\r\nkeys.count\r\n:1\r\n", Then::AtOnce,
     "*2\r\n$10\r\nkeys.count\r\n:2\r\n"},
    {"pubsub|channels", "PUBSUB CHANNELS", "*1\r\n$1\r\na\r\n", Then::AtOnce},
    {"pubsub|numpat", "PUBSUB NUMPAT", ":1\r\n", Then::AtOnce, ":2\r\n"},
    {"pubsub|numsub", "PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:1\r\n", Then::AtOnce, "*2\r\n$1\r\na\r\n:2\r\n"},
    {"pubsub|shardchannels", "PUBSUB SHARDCHANNELS", "*1\r\n$1\r\na\r\n", Then::AtOnce},
    {"pubsub|shardnumsub", "PUBSUB SHARDNUMSUB a", "*2\r\n$1\r\na\r\n:1\r\n", Then::AtOnce,
     "*2\r\n$1\r\na\r\n:2\r\n"},
    {"function|load", "FUNCTION LOAD x", "$1\r\nx\r\n", Then::Fails},
    {"function|delete", "FUNCTION DELETE x", kOk, Then::Fails},
    {"function|flush", "FUNCTION FLUSH", kOk, Then::Fails},
    {"function|restore", "FUNCTION RESTORE x", kOk, Then::Fails},
    {"flushall", "FLUSHALL", kOk, Then::Fails},
    {"flushdb", "FLUSHDB", kOk, Then::Fails},
    {"dbsize", "DBSIZE", ":1\r\n", Then::Fails},
    {"keys", "KEYS *", "*0\r\n", Then::Fails},
    {"scan", "SCAN 0", "*2\r\n$1\r\n0\r\n*0\r\n", Then::Fails},
    {"save", "SAVE", kOk, Then::Fails},
    {"bgsave", "BGSAVE", "+Background saving started\r\n", Then::Fails},
    {"bgrewriteaof", "BGREWRITEAOF", "+Background append only file rewriting started\r\n", Then::Fails},
    {"acl|deluser", "ACL DELUSER x", ":1\r\n", Then::Fails},
    {"acl|getuser", "ACL GETUSER x", "*-1\r\n", Then::Fails},
    {"acl|list", "ACL LIST", "*0\r\n", Then::Fails},
    {"acl|load", "ACL LOAD", kOk, Then::Fails},
    {"acl|log", "ACL LOG", "*0\r\n", Then::Fails},
    {"acl|save", "ACL SAVE", kOk, Then::Fails},
    {"acl|setuser", "ACL SETUSER x", kOk, Then::Fails},
    {"config|rewrite", "CONFIG REWRITE", kOk, Then::Fails},
    {"module|load", "MODULE LOAD x", kOk, Then::Fails},
    {"module|loadex", "MODULE LOADEX x", kOk, Then::Fails},
    {"module|unload", "MODULE UNLOAD x", kOk, Then::Fails},
    {"debug", "DEBUG SLEEP 0", kOk, Then::Fails},
    {"pfselftest", "PFSELFTEST", kOk, Then::Fails},
};

// Until nobody is asked anything more.
void answerAll(Stage& stage, std::string_view reply) {
  for (bool asked = true; asked;) {
    asked = false;
    stage.settle();
    for (const std::size_t i : {1U, 3U}) {
      while (const auto received = stage.node(i).next()) {
        asked = true;
        received->replies(received->words().front() == "CLUSTER" ? "-NOPERM no\r\n" : reply);
      }
    }
  }
}

}  // namespace

TEST_CASE("a shard that is away for good: what need not be everywhere is answered, all else fails") {
  for (const AllNodeCommand& each : kAllNodeCommands) {
    INFO(each.request);
    Crippled stage;
    stage.config.allowAdminCommands = true;
    stage.worker().setConfig(stage.config);
    stage.client.sends(each.request);
    answerAll(stage, each.fromNodes);
    if (!each.part.empty()) {
      CHECK(contains(stage.client.takes(), each.part));
      continue;
    }
    if (each.then == Then::AtOnce) {
      CHECK(stage.client.takes() == (each.answer.empty() ? each.fromNodes : each.answer));
      continue;
    }
    stage.client.receivesNothing();
    stage.clock.advance(stage.config.holdTimeout + 1s);
    answerAll(stage, each.fromNodes);
    CHECK(stage.client.takes() == kNoMaster);
  }
}

TEST_CASE("each command for all nodes has its line in the table of what it does without one of them") {
  const auto isKnown = [](const std::string& name) {
    return std::any_of(std::begin(kAllNodeCommands), std::end(kAllNodeCommands),
                       [&](const AllNodeCommand& each) { return each.name == name; });
  };
  const auto check = [&](const protocol::CommandSpec& spec) {
    using protocol::Handling;
    const bool administers = spec.handling == Handling::Admin && spec.keySpecs.empty() && spec.firstKey == 0;
    if (!spec.subcommands.empty() || (spec.handling != Handling::FanOut && !administers)) return;
    INFO(spec.name);
    CHECK(isKnown(spec.name));
  };
  for (const protocol::CommandSpec& spec : protocol::CommandTable::builtIn()->commands()) {
    check(spec);
    for (const protocol::CommandSpec& subcommand : spec.subcommands) check(subcommand);
  }
}

TEST_CASE_METHOD(Crippled, "a node that comes back is given the scripts that were loaded without it") {
  const std::string sha = session::ScriptCache::sha1Of("return(1)");
  const std::string run = "EVALSHA " + sha + " 1 b";
  client.sends("SCRIPT LOAD return(1)");
  answerAll(*this, bulk(sha));
  client.receives(bulk(sha));
  client.sends(run);
  client.receivesNothing();
  node(2).acceptsConnections();
  clock.advance(2s);
  const Received load = node(2).expects("SCRIPT LOAD return(1)");
  node(2).expects(run);
  load.replies(bulk(sha) + ":1\r\n");
  client.receives(":1\r\n");
  client.sends("SCRIPT EXISTS " + sha);
  for (const std::size_t i : {1U, 2U, 3U}) node(i).expects("SCRIPT EXISTS " + sha).replies("*1\r\n:1\r\n");
  client.receives("*1\r\n:1\r\n");
}

TEST_CASE_METHOD(Crippled, "what any node can tell is told by one that lives") {
  for (const std::string_view request : {"FUNCTION LIST", "FUNCTION DUMP", "ACL USERS", "MODULE LIST"}) {
    INFO(request);
    for (int i = 0; i < 4; ++i) {  // whichever is next
      client.sends(request);
      answerAll(*this, "$1\r\nx\r\n");
      CHECK(client.takes() == "$1\r\nx\r\n");
    }
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
