// MONITOR: what clients have carried out, and what others do at all masters.
#include <regex>

#include "batch.h"

namespace slotless::test {

namespace {
constexpr std::string_view kLine = "+1700000000.000001 [0 10.0.0.9:1] \"SET\" \"a\" \"1\"\r\n";
constexpr std::string_view kNoKeys = "-ERR Replica can't interact with the keyspace\r\n";

void monitors(Stage& stage, FakeClient& client) {
  client.sends("MONITOR");
  for (std::size_t number = 1; number <= kNodes; ++number) {
    client.receivesNothing();
    stage.node(number).expects("MONITOR").replies(kOk);
  }
  client.receives(kOk);
}

// All that has come since, without the times.
std::string seen(FakeClient& client) {
  static const std::regex kTime(R"(\+\d+\.\d{6} \[)");
  return std::regex_replace(client.takes(), kTime, "[");
}
std::string lines(std::initializer_list<std::string_view> all) {
  std::string text;
  for (const std::string_view each : all) text.append("[").append(each).append("\r\n");
  return text;
}

// `other` is the second client of its stage.
struct Watched : Stage {
  Watched() { monitors(*this, client); }
};
}  // namespace

TEST_CASE_METHOD(Stage, "MONITOR is confirmed by all masters and then gives what each of them does") {
  monitors(*this, client);
  node(2).pushes(kLine);
  client.receives(kLine);
  node(3).pushes(std::string(kLine) + std::string(kLine));
  client.receives(std::string(kLine) + std::string(kLine));
  CHECK(metrics().monitors.value() == 1);
}

TEST_CASE_METHOD(Stage, "MONITOR does not show the heartbeats of links") {
  monitors(*this, client);
  node(1).pushes("+1700000000.000001 [0 10.0.0.9:1] \"PING\"\r\n" + std::string(kLine));
  client.receives(kLine);
}

TEST_CASE_METHOD(Stage, "all who monitor share one connection to each master") {
  monitors(*this, client);
  other.sends("MONITOR");
  other.receives(kOk);
  node(1).pushes(kLine);
  client.receives(kLine);
  other.receives(kLine);
  client.resets();
  node(1).pushes(kLine);
  other.receives(kLine);
  CHECK(node(1).connected());
  other.sends({"RESET", "GET a"});
  node(1).expects("GET a").replies(bulk("1"));
  other.receives("+RESET\r\n" + bulk("1"));
  for (std::size_t number = 1; number <= kNodes; ++number) CHECK_FALSE(node(number).connected());
}

TEST_CASE_METHOD(Stage, "who monitors cannot touch keys, and a second MONITOR is not answered") {
  monitors(*this, client);
  client.sends({"GET a", "MONITOR", "PING", "MULTI", "SET a 1", "EXEC"});
  CHECK(seen(client) == std::string(kNoKeys) + "+PONG\r\n+OK\r\n" + std::string(kNoKeys) + aborted(kNoKeys) +
                            lines({"0 127.0.0.1:40001] \"PING\"", "0 127.0.0.1:40001] \"MULTI\"",
                                   "0 127.0.0.1:40001] \"EXEC\""}));
}

TEST_CASE_METHOD(Stage, "MONITOR goes on with masters that join and those that come back") {
  monitors(*this, client);
  addNode(4);
  node(4).expects("MONITOR").replies(kOk);
  node(4).pushes(kLine);
  client.receives(kLine);
  node(4).resets();
  clock.advance(1s);
  node(4).expects("MONITOR").replies(kOk);
  node(4).pushes(kLine);
  client.receives(kLine);
}

TEST_CASE_METHOD(Stage, "MONITOR fails when a master cannot be reached in time, or forbids it") {
  config.holdTimeout = 3s;
  settle();
  node(2).refusesConnections();
  client.sends({"MONITOR", "PING"});
  node(1).expects("MONITOR").replies(kOk);
  node(3).expects("MONITOR").replies(kOk);
  clock.advance(3200ms);
  CHECK(seen(client) == "-CLUSTERDOWN Not all masters could be reached in time\r\n+PONG\r\n");
  node(2).acceptsConnections();
  other.sends("MONITOR");
  node(1).expects("MONITOR").replies("-NOPERM no\r\n");
  other.receives("-NOPERM no\r\n");
  node(2).expects("MONITOR");
  node(3).expects("MONITOR");
}

TEST_CASE_METHOD(Watched, "MONITOR shows what clients send when it has been carried out, in their order") {
  other.sends({"SeT a 1", "PING", "select 0", "TIME"});
  client.receivesNothing();
  node(1).expects("SeT a 1").replies(kOk);
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"SeT\" \"a\" \"1\"", "0 127.0.0.1:40002] \"PING\"",
                               "0 127.0.0.1:40002] \"select\" \"0\"", "0 127.0.0.1:40002] \"TIME\""}));
  other.sendsBytes("get  \"a\"\r\n");
  node(1).expects("get a").replies(bulk("1"));
  other.receives(bulk("1"));
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"get\" \"a\""}));
}

TEST_CASE_METHOD(Watched, "MONITOR shows a command about several nodes once") {
  other.sends({"MGET a b", "DBSIZE"});
  node(1).expects("MGET a").replies("*1\r\n$-1\r\n");
  node(2).expects("MGET b").replies("*1\r\n$-1\r\n");
  for (std::size_t number = 1; number <= kNodes; ++number) node(number).expects("DBSIZE").replies(":1\r\n");
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"MGET\" \"a\" \"b\"", "0 127.0.0.1:40002] \"DBSIZE\""}));
}

TEST_CASE_METHOD(Watched, "MONITOR does not show what was refused without being run, nor administration") {
  other.sends({"NOSUCH", "GET", "CLIENT LIST", "SLOWLOG GET", "CONFIG GET port"});
  for (std::size_t number = 1; number <= kNodes; ++number) {
    node(number).expects("CONFIG GET port").replies("*2\r\n" + bulk("port") + bulk("1"));
  }
  for (const std::string_view refusal :
       {"NOPERM no", "OOM command not allowed when used memory > 'maxmemory'.", "MISCONF no"}) {
    other.sends("SET a 1");
    node(1).expects("SET a 1").replies("-" + std::string(refusal) + "\r\n");
  }
  static_cast<void>(other.takes());
  client.receivesNothing();
  other.sends("LPUSH a 1");
  node(1)
      .expects("LPUSH a 1")
      .replies("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"LPUSH\" \"a\" \"1\""}));
}

TEST_CASE_METHOD(Watched, "MONITOR shows no secrets") {
  other.sends({"AUTH u secret", "HELLO 2 AUTH u secret"});
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"AUTH\" \"(redacted)\" \"(redacted)\"",
                               "0 127.0.0.1:40002] \"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\""}));
}

TEST_CASE_METHOD(Watched, "MONITOR shows a transaction's commands with its EXEC, if they are run") {
  const auto multi = lines({"0 127.0.0.1:40002] \"MULTI\""});
  const auto exec = lines({"0 127.0.0.1:40002] \"EXEC\""});
  other.sends({"MULTI", "SET a 1", "PING"});
  CHECK(seen(client) == multi);
  other.sends("EXEC");
  client.receivesNothing();
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  static_cast<void>(other.takes());
  CHECK(seen(client) ==
        lines({"0 127.0.0.1:40002] \"SET\" \"a\" \"1\"", "0 127.0.0.1:40002] \"PING\""}) + exec);
  other.sends({"MULTI", "PING", "EXEC"});
  static_cast<void>(other.takes());
  CHECK(seen(client) == multi + lines({"0 127.0.0.1:40002] \"PING\""}) + exec);
  other.sends({"MULTI", "SET a 1", "DISCARD"});
  static_cast<void>(other.takes());
  CHECK(seen(client) == multi + lines({"0 127.0.0.1:40002] \"DISCARD\""}));
  other.sends({"MULTI", "SET a 1", "GET", "EXEC"});
  static_cast<void>(other.takes());
  CHECK(seen(client) == multi + exec);
}

TEST_CASE_METHOD(Watched, "MONITOR shows no commands of a transaction that a watch has stopped") {
  other.sends({"WATCH a", "MULTI", "SET a 1", "EXEC"});
  node(1).expects("WATCH a").replies(kOk);
  Batch(node(1), {"SET a 1"}).replies("*-1\r\n");
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"WATCH\" \"a\"", "0 127.0.0.1:40002] \"MULTI\"",
                               "0 127.0.0.1:40002] \"EXEC\""}));
}

TEST_CASE_METHOD(Watched, "MONITOR shows a command that blocks once, when it begins to wait") {
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).answersHandshake("CLIENT", ":77\r\n");
  other.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"BLPOP\" \"a\" \"0\""}));
  pop.replies("*2\r\n" + bulk("a") + bulk("1"));
  static_cast<void>(other.takes());
  client.receivesNothing();
}

TEST_CASE_METHOD(Watched, "MONITOR shows a script before what it runs, and what is before the script first") {
  FakeConnection& feed = node(1).connection();
  other.sends({"SET a 1", "EVAL x 1 a"});
  const Received set = node(1).expects("SET a 1");
  const Received eval = node(1).expects("EVAL x 1 a");
  const std::string own = eval.connection().nearEnd().text();
  feed.push("+1.000001 [0 " + own + "] \"EVAL\" \"x\" \"1\" \"a\"\r\n+1.000001 [0 lua] \"get\" \"a\"\r\n");
  settle();
  set.replies(kOk);
  eval.replies(":1\r\n");
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"SET\" \"a\" \"1\"",
                               "0 127.0.0.1:40002] \"EVAL\" \"x\" \"1\" \"a\"", "0 lua] \"get\" \"a\""}));
}

TEST_CASE_METHOD(Watched, "MONITOR does not show what the proxy itself says, nor what its own scripts run") {
  FakeConnection& feed = node(1).connection();
  other.sends("GET a");
  const Received get = node(1).expects("GET a");
  const std::string own = "+1.000001 [0 " + get.connection().nearEnd().text() + "] ";
  feed.push(own + "\"GET\" \"a\"\r\n" + own + "\"eval_ro\" \"--[[slotless]] return 1\" \"0\"\r\n" +
            "+1.000001 [0 lua] \"dbsize\"\r\n" + std::string(kLine) + "+1.000001 [0 lua] \"get\" \"b\"\r\n");
  settle();
  get.replies("$-1\r\n");
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"0 10.0.0.9:1] \"SET\" \"a\" \"1\"", "0 lua] \"get\" \"b\"",
                               "0 127.0.0.1:40002] \"GET\" \"a\""}));
}

TEST_CASE_METHOD(Watched, "of a client that leaves MONITOR shows what has been sent") {
  other.sends("SET a 1");
  const Received set = node(1).expects("SET a 1");
  giveSlot("b", 0);
  other.sends("SET b 1");  // held
  other.resets();
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"SET\" \"a\" \"1\""}));
  set.replies(kOk);
}

TEST_CASE_METHOD(Watched, "MONITOR shows commands whose replies are not wanted, behind what is before them") {
  other.sends({"CLIENT REPLY OFF", "SET a 1", "PING"});
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"CLIENT\" \"REPLY\" \"OFF\""}));
  node(1).expects("SET a 1").replies(kOk);
  CHECK(seen(client) == lines({"0 127.0.0.1:40002] \"SET\" \"a\" \"1\"", "0 127.0.0.1:40002] \"PING\""}));
}

TEST_CASE_METHOD(Watched, "nothing is noted any more when nobody watches") {
  client.sends("RESET");
  CHECK(seen(client).starts_with("+RESET"));
  other.sends({"PING", "MULTI", "PING"});
  static_cast<void>(other.takes());
  client.receivesNothing();
  monitors(*this, client);
  other.sends({"PING", "EXEC", "PING"});
  static_cast<void>(other.takes());
  CHECK(seen(client).ends_with(lines({"0 127.0.0.1:40002] \"PING\""})));
}

TEST_CASE_METHOD(Stage, "MONITOR names the database that a client is in") {
  config.databases = 16;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"}};
  monitors(*this, client);
  other.sends({"SELECT 1", "GET k", "MULTI", "SELECT 2", "PING", "EXEC"});
  node(1).expectsAny().replies("$-1\r\n");
  static_cast<void>(other.takes());
  CHECK(seen(client) == lines({"1 127.0.0.1:40002] \"SELECT\" \"1\"", "1 127.0.0.1:40002] \"GET\" \"k\"",
                               "1 127.0.0.1:40002] \"MULTI\"", "2 127.0.0.1:40002] \"SELECT\" \"2\"",
                               "2 127.0.0.1:40002] \"PING\"", "2 127.0.0.1:40002] \"EXEC\""}));
}

TEST_CASE_METHOD(Stage, "a client that leaves before its MONITOR is confirmed leaves nothing") {
  client.sends("MONITOR");
  const Received first = node(1).expects("MONITOR");
  node(2).expects("MONITOR");
  node(3).expects("MONITOR");
  client.resets();
  CHECK(metrics().monitors.value() == 0);
  CHECK(worker().requestsInUse() == 0);
  CHECK(first.connection().closed());
}

}  // namespace slotless::test
