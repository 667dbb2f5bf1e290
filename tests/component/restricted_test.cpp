// Nodes that deny what the proxy makes commands of: another way, or one clear error.
#include "captured_log.h"
#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::string_view kNoEvalRo = "-ERR unknown command 'EVAL_RO', with args beginning with: 'x' \r\n";
constexpr std::string_view kNoPermInRestricted =
    "-NOPERM this user has no permissions to run the 'x' command\r\n";
constexpr std::string_view kInScript =
    "-ERR The user executing the script can't run this command or subcommand script: 7e16, on "
    "@user_script:1.\r\n";

using telemetry::Deniable;

std::string array(const std::vector<std::string>& elements) {
  std::string text = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& each : elements) text += each;
  return text;
}

// A page of SCAN.
std::string page(std::string_view cursor, const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  for (const std::string& key : keys) names.push_back(bulk(key));
  return array({bulk(cursor), array(names)});
}

// What a node says of one step of the script over its keys.
std::string step(int keys) {
  return array({bulk("0"), bulk("0"), bulk("n1"), ":" + std::to_string(keys) + "\r\n", ":0\r\n"});
}

// Database 1 is in the slot of a; 3 is spread.
struct Restricted : Stage {
  Restricted() {
    using config::DatabaseLayout;
    config.databases = 4;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                             {2, 2, DatabaseLayout::Denied, ""},
                             {3, 3, DatabaseLayout::Spread, ""}};
  }
  void select(int index) {
    client.sends("SELECT " + std::to_string(index));
    client.receives(kOk);
  }
  // Of node 1.
  Received expectsScript(std::string_view eval) {
    const Received received = node(1).expectsAny();
    CHECK(received.words()[0] == eval);
    return received;
  }
};

}  // namespace

TEST_CASE_METHOD(Restricted, "where EVAL_RO is not known EVAL takes its place, and at once the next time") {
  select(1);
  client.sends("DBSIZE");
  expectsScript("EVAL_RO").replies(kNoEvalRo);
  expectsScript("EVAL").replies(step(3));
  client.receives(":3\r\n");
  client.sends("DBSIZE");
  expectsScript("EVAL").replies(step(4));
  client.receives(":4\r\n");
  REQUIRE(control.denials().rows().size() == 1);
  const auto row = control.denials().rows().front();
  CHECK(row.what == Deniable::EvalRo);
  CHECK(row.nodes == std::vector<std::string>{node(1).address().text()});
  // It is in a transaction, too.
  client.sends({"MULTI", "DBSIZE", "EXEC"});
  node(1).expects("MULTI");
  expectsScript("eval");
  node(1).expects("EXEC").replies("+OK\r\n+QUEUED\r\n*1\r\n:5\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:5\r\n");
}

TEST_CASE_METHOD(Restricted, "what was denied is tried again after a minute, and forgotten if it works") {
  select(1);
  client.sends("DBSIZE");
  expectsScript("EVAL_RO").replies(kNoEvalRo);
  expectsScript("EVAL").replies(step(3));
  client.receives(":3\r\n");
  clock.advance(61s);
  client.sends("DBSIZE");
  expectsScript("EVAL_RO").replies(step(4));
  client.receives(":4\r\n");
  CHECK(control.denials().rows().empty());
}

TEST_CASE_METHOD(Restricted, "a denial is told once in the log, and its end") {
  select(1);
  const CapturedLog log(log::Level::Info);
  for (const int minute : {0, 1}) {
    client.sends("DBSIZE");
    expectsScript("EVAL_RO").replies(kNoEvalRo);
    expectsScript("EVAL").replies(step(minute));
    client.receives(":" + std::to_string(minute) + "\r\n");
    clock.advance(61s);
  }
  client.sends("DBSIZE");
  expectsScript("EVAL_RO").replies(step(4));
  client.receives(":4\r\n");
  const std::string text = log.text();
  const std::size_t first = text.find("denied by the nodes  what=EVAL_RO node=");
  REQUIRE(first != std::string::npos);
  CHECK(text.find("denied by the nodes  what=EVAL_RO node=", first + 1) == std::string::npos);
  CHECK(text.find("no longer denied by the nodes  what=EVAL_RO") != std::string::npos);
}

TEST_CASE_METHOD(Restricted, "a pinned database is counted by SCAN where scripts are denied") {
  select(1);
  client.sends("DBSIZE");
  expectsScript("EVAL_RO").replies(kNoPermInRestricted);
  expectsScript("EVAL").replies(kNoPermInRestricted);
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(page("17", {"~1{a}x", "other"}));
  node(1).expects("SCAN 17 MATCH ~1{a}* COUNT 1000").replies(page("0", {"~1{a}y"}));
  client.receives(":2\r\n");
}

TEST_CASE_METHOD(Restricted, "a script that is let in and may not ask its node is as if it were denied") {
  select(1);
  client.sends("DBSIZE");
  expectsScript("EVAL_RO").replies(kInScript);
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(page("0", {"~1{a}y"}));
  client.receives(":1\r\n");
  REQUIRE(control.denials().rows().size() == 1);
  CHECK(control.denials().rows().front().what == Deniable::DatabaseScripts);
}

TEST_CASE_METHOD(Restricted, "KEYS, RANDOMKEY and SCAN of a pinned database go by SCAN alone") {
  select(1);
  client.sends("KEYS x*");
  expectsScript("EVAL_RO").replies(kInScript);
  node(1).expects("SCAN 0 MATCH ~1{a}x* COUNT 1000").replies(page("0", {"~1{a}x1", "~1{a}x1"}));
  client.receives("*1\r\n" + bulk("x1"));
  client.sends("RANDOMKEY");
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(page("5", {}));
  node(1).expects("SCAN 5 MATCH ~1{a}* COUNT 1000").replies(page("9", {"~1{a}k"}));
  client.receives(bulk("k"));
  client.sends("RANDOMKEY");
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(page("0", {}));
  client.receives("$-1\r\n");
  client.sends("SCAN 0");
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(page("0", {"~1{a}k"}));
  client.receives("*2\r\n" + bulk("0") + "*1\r\n" + bulk("k"));
}

TEST_CASE_METHOD(Restricted, "FLUSHDB of a pinned database deletes what SCAN finds, by UNLINK or DEL") {
  select(1);
  client.sends("FLUSHDB");
  expectsScript("EVAL").replies(kNoPermInRestricted);
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(page("3", {"~1{a}x", "~1{a}y"}));
  node(1).expects("UNLINK ~1{a}x ~1{a}y").replies(":2\r\n");
  node(1).expects("SCAN 3 MATCH ~1{a}* COUNT 1000").replies(page("0", {"~1{a}z"}));
  node(1).expects("UNLINK ~1{a}z").replies(kNoPermInRestricted);
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(page("0", {"~1{a}z"}));
  node(1).expects("DEL ~1{a}z").replies(":1\r\n");
  client.receives(kOk);
}

TEST_CASE_METHOD(Restricted, "where nothing is left the client's error names what is denied") {
  select(1);
  client.sends("DBSIZE");
  expectsScript("EVAL_RO").replies(kNoPermInRestricted);
  expectsScript("EVAL").replies(kNoPermInRestricted);
  node(1).expects("SCAN 0 MATCH ~1{a}* COUNT 1000").replies(kNoPermInRestricted);
  client.receives(
      "-NOPERM DBSIZE needs one of EVAL_RO with CLUSTER and SCAN in scripts, EVAL with CLUSTER and SCAN in "
      "scripts, SCAN, which the nodes deny to the proxy: NOPERM this user has no permissions to run the 'x' "
      "command\r\n");
}

TEST_CASE_METHOD(Restricted, "database 0 beside others is counted by SCAN on all masters") {
  client.sends("DBSIZE");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expectsAny().replies(i == 2 ? kNoPermInRestricted : ":1\r\n");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expectsAny().replies(i == 2 ? kNoPermInRestricted : ":1\r\n");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("SCAN 0 MATCH * COUNT 1000").replies(page("0", {"k", "~1{a}x", "~3:y"}));
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(Stage, "where the only database may not be counted or listed by the nodes, SCAN does it") {
  client.sends("DBSIZE");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("DBSIZE").replies(kNoPermInRestricted);
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("SCAN 0 MATCH * COUNT 1000").replies(page("0", {"k", "~1{a}x"}));
  client.receives(":6\r\n");
  client.sends("KEYS k*");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("KEYS k*").replies(kNoPermInRestricted);
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("SCAN 0 MATCH k* COUNT 1000").replies(page("0", i == 2 ? Words{"k1"} : Words{}));
  client.receives("*1\r\n" + bulk("k1"));
  client.sends("RANDOMKEY");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("RANDOMKEY").replies(kNoPermInRestricted);
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("SCAN 0 MATCH * COUNT 1000").replies(page("0", i == 3 ? Words{"c"} : Words{}));
  client.receives(bulk("c"));
}

TEST_CASE_METHOD(Stage, "who may not empty the nodes is not helped to") {
  client.sends("FLUSHDB");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("FLUSHDB").replies(kNoPermInRestricted);
  client.receives(kNoPermInRestricted);
}

TEST_CASE_METHOD(Restricted, "COPY reads without scripts where they are denied, and MOVE is refused") {
  client.sends("COPY k k2 DB 1");
  node(Stage::firstOwner("k")).expectsAny().replies(kNoPermInRestricted);
  node(Stage::firstOwner("k")).expectsAny().replies(kNoPermInRestricted);
  node(Stage::firstOwner("k")).expects("DUMP k").replies(bulk("VALUE"));
  node(Stage::firstOwner("k")).expects("PTTL k").replies(":5000\r\n");
  node(1).expects("RESTORE ~1{a}k2 5000 VALUE").replies(kOk);
  client.receives(":1\r\n");
  client.sends("MOVE k 1");
  node(Stage::firstOwner("k")).expectsAny().replies(kNoPermInRestricted);
  client.receives(
      "-NOPERM MOVE needs EVAL with DUMP and PTTL in scripts, which the nodes deny to the proxy: NOPERM this "
      "user has no permissions to run the 'x' command\r\n");
}

TEST_CASE_METHOD(Restricted, "INFO counts all keys as database 0's where scripts are denied") {
  client.sends("INFO keyspace");
  for (const std::string_view eval : {"EVAL_RO", "EVAL"}) {
    for (std::size_t i = 1; i <= kNodes; ++i) {
      const Received asked = node(i).expectsAny();
      CHECK(asked.words()[0] == eval);
      asked.replies(kNoPermInRestricted);
    }
  }
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("INFO keyspace").replies(bulk("# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0\r\n"));
  CHECK(client.takes().find("db0:keys=6") != std::string::npos);
}

TEST_CASE_METHOD(Stage, "CONFIG GET shows the proxy's own settings where the nodes' are denied") {
  client.sends("CONFIG GET databases");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("CONFIG GET databases").replies(kNoPermInRestricted);
  client.receives("*2\r\n" + bulk("databases") + bulk("1"));
  client.sends("CONFIG GET maxmemory");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("CONFIG GET maxmemory").replies(kNoPermInRestricted);
  client.receives(kNoPermInRestricted);
  client.sends("CONFIG GET requirepass");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("CONFIG GET requirepass").replies(kNoPermInRestricted);
  client.receives(kNoPermInRestricted);
}

TEST_CASE_METHOD(Stage, "clients that want RESP3 are refused it where the nodes have no HELLO") {
  node(1).answersHandshake("HELLO", "-ERR unknown command 'HELLO', with args beginning with: '3' \r\n");
  control.denials().note(Deniable::Hello, node(1).address(), "-ERR unknown command 'HELLO'\r\n", loop.now());
  client.sends("HELLO 3");
  client.receives("-NOPROTO unsupported protocol version\r\n");
}

TEST_CASE_METHOD(Stage, "replicas that deny READONLY are not read from, also where only replicas should be") {
  const auto readFrom = GENERATE(config::ReadFrom::PreferReplica, config::ReadFrom::Replica);
  config.readFrom = readFrom;
  node(4).answersHandshake("READONLY", std::string(kNoPermInRestricted));
  addReplica(4, 1);
  client.sends("GET a");
  clock.advance(1s);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(control.denials().any(Deniable::ReadOnly));
  node(4).expectsNothing();
}

TEST_CASE_METHOD(Stage, "a lease does without CLIENT ID, but for what is done by it") {
  node(1).answersHandshake("CLIENT ID", std::string(kNoPermInRestricted));
  client.sends("BLPOP a 0");
  node(1).expects("BLPOP a 0");
  other.sends("CLIENT UNBLOCK 1");
  other.receives("-ERR CLIENT UNBLOCK needs CLIENT ID, which a node denies to the proxy\r\n");
  CHECK(control.denials().any(Deniable::ClientId));
}

TEST_CASE_METHOD(Stage, "PROXY STATS lists what is denied") {
  control.denials().note(Deniable::Keys, {"10.0.0.1", 7001}, kNoPermInRestricted, loop.now());
  client.sends("PROXY STATS");
  CHECK(client.takes().find("denied:KEYS nodes=10.0.0.1:7001 times=1 error=NOPERM this user") !=
        std::string::npos);
}

}  // namespace slotless::test
