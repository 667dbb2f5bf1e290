// EXECABORT always carries its reason: one row for each cause. Many client libraries show nothing but EXEC's
// error.
#include <functional>
#include <string>
#include <vector>

#include "batch.h"
#include "config/listener.h"

namespace slotless::test {

namespace {

constexpr std::string_view kBecause = "-EXECABORT Transaction discarded because of: ";

void nothing(Stage&) {}

void logIn(FakeClient& client, const std::string& user) {
  client.sends("AUTH " + user + " " + user);
  client.receives(kOk);
}

void makeUsers(Stage& stage, const std::string& rules) {
  stage.config.password = "secret";
  stage.config.users = {"user root on >root ~* &* +@all", "user app on >app " + rules};
}

void denyCommands(Stage& stage, const std::string& names) {
  stage.config.listen = {*config::parseListen("127.0.0.1:1?deny-commands=" + names).value};
}

// Database 1 in the slot of a, 2 in that of b, 3 of the nodes' own.
void haveDatabases(Stage& stage) {
  using config::DatabaseLayout;
  stage.config.databases = 4;
  stage.config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                                 {2, 2, DatabaseLayout::Pinned, "b"},
                                 {3, 3, DatabaseLayout::Native, ""}};
  for (std::size_t number = 1; number <= kNodes; ++number) {
    stage.node(number).answersHandshake("SELECT", std::string(kOk));
    stage.node(number).answersHandshake("CLUSTER GETKEYSINSLOT", "*0\r\n");
  }
}

// A script runs on node 1, and all clients are refused.
void beginScript(Stage& stage) {
  stage.other.sends("EVAL x 1 a");
  const Received script = stage.node(1).expects("EVAL x 1 a");
  stage.clock.advance(50ms);
  stage.node(1).answersHandshake("PING", std::string(kBusy));
  stage.clock.advance(100ms);
}

struct Cause {
  const char* name;
  std::vector<std::string> commands;  // between MULTI and EXEC
  std::string refusal;                // how the error begins that one of them gets
  std::function<void(Stage&)> configure = nothing;
  std::function<void(Stage&)> before = nothing;   // … MULTI
  std::function<void(Stage&)> between = nothing;  // … MULTI and the commands
};

const std::vector<Cause>& causesWhileQueueing() {
  static const std::vector<Cause> all = {
      {"an unknown command", {"NOSUCH x"}, "-ERR unknown command 'NOSUCH'"},
      {"an unknown subcommand", {"CONFIG NOSUCH"}, "-ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP."},
      {"a wrong number of arguments", {"GET"}, "-ERR wrong number of arguments for 'get' command"},
      {"a subcommand's wrong number", {"CLIENT KILL"}, "-ERR wrong number of arguments for 'client|kill'"},
      {"keys of one command in several slots", {"SINTER a b"}, "-CROSSSLOT "},
      {"keys of a split command, beside others", {"SET a 1", "MSET a 1 b 1"}, "-CROSSSLOT "},
      {"keys of two commands in several slots", {"SET a 1", "SET b 1"}, "-CROSSSLOT "},
      {"keys of a script in several slots", {"EVAL x 2 a b"}, "-CROSSSLOT "},
      {"a slot that is not the watched one",
       {"SET b 1"},
       "-CROSSSLOT ",
       nothing,
       [](Stage& stage) {
         stage.client.sends("WATCH a");
         stage.node(1).expects("WATCH a").replies(kOk);
         stage.client.receives(kOk);
       }},
      {"a command for several nodes, beside others", {"SET a 1", "DBSIZE"}, "-ERR 'dbsize' concerns several"},
      {"others beside a command for several nodes", {"FLUSHALL", "PING"}, "-ERR 'flushall' concerns several"},
      {"a command that concerns all workers",
       {"CLIENT UNBLOCK 1"},
       "-ERR 'client|unblock' concerns all workers"},
      {"administration", {"SET a 1", "DEBUG SLEEP 0"}, "-ERR 'debug' administers a server"},
      {"what is never available", {"REPLICAOF NO ONE"}, "-ERR 'replicaof' is not available through Slotless"},
      {"what servers forbid", {"SYNC"}, "-ERR Command not allowed inside a transaction"},
      {"a subscription", {"SUBSCRIBE x"}, "-ERR "},
      {"a subscription by pattern", {"PSUBSCRIBE x"}, "-ERR "},
      {"a subscription to a shard channel", {"SSUBSCRIBE x"}, "-ERR "},
      {"the end of one", {"UNSUBSCRIBE"}, "-ERR "},
      {"MONITOR", {"MONITOR"}, "-ERR "},
      {"tracking", {"CLIENT TRACKING ON"}, "-ERR "},
      {"a rename over slots", {"RENAME a b"}, "-CROSSSLOT "},
      {"a move to another slot", {"LMOVE a b LEFT LEFT"}, "-CROSSSLOT "},
      {"a copy to another database", {"COPY a a DB 2"}, "-ERR ", haveDatabases},
      {"a move to another database", {"MOVE a 2"}, "-ERR ", haveDatabases},
      {"keys of two databases", {"SET a 1", "SELECT 2", "SET x 1"}, "-CROSSSLOT ", haveDatabases},
      {"a native database after other commands", {"SET a 1", "SELECT 3"}, "-ERR SELECT into", haveDatabases},
      {"a command that its user may not use",
       {"SET a 1"},
       "-NOPERM this user has no permissions to run the 'set' command",
       [](Stage& stage) { makeUsers(stage, "~* +@all -set"); },
       [](Stage& stage) { logIn(stage.client, "app"); }},
      {"a key that its user may not use",
       {"SET b 1"},
       "-NOPERM this user has no permissions to access one of the keys",
       [](Stage& stage) { makeUsers(stage, "~a* +@all"); },
       [](Stage& stage) { logIn(stage.client, "app"); }},
      {"a channel that its user may not use",
       {"PUBLISH b 1"},
       "-NOPERM this user has no permissions to access one of the channels",
       [](Stage& stage) { makeUsers(stage, "~* &a* +@all"); },
       [](Stage& stage) { logIn(stage.client, "app"); }},
      {"a database that its user may not use",
       {"SELECT 2"},
       "-NOPERM ",
       [](Stage& stage) {
         haveDatabases(stage);
         makeUsers(stage, "~* +@all -@admin databases=1 database=1");
       },
       [](Stage& stage) { logIn(stage.client, "app"); }},
      {"a command that its listener denies",
       {"SET a 1"},
       "-NOPERM the 'set' command is denied to all who connect here",
       [](Stage& stage) { denyCommands(stage, "set"); }},
      {"a command that its listener calls otherwise",
       {"GET a"},
       "-ERR unknown command 'GET'",
       [](Stage& stage) {
         stage.config.listen = {*config::parseListen("127.0.0.1:1?rename-commands=get=fetch").value};
       }},
      {"a rate",
       {"SET a 1", "SET a 2"},
       "-ERR rate limit exceeded: ",
       [](Stage& stage) { makeUsers(stage, "~* +@all requests-per-second=2 limit-action=error"); },
       [](Stage& stage) { logIn(stage.client, "app"); }},
      {"a script that keeps all waiting",
       {"SET b 1"},
       std::string(kBusy),
       [](Stage& stage) { stage.config.scriptBusy = config::ScriptBusy::All; },
       nothing,
       beginScript},
  };
  return all;
}

// The first line of an error among replies of one line each.
std::string firstError(const std::string& replies) {
  for (std::size_t at = 0; at < replies.size();) {
    const std::size_t end = replies.find("\r\n", at) + 2;
    if (replies[at] == '-') return replies.substr(at, end - at);
    at = end;
  }
  return {};
}

}  // namespace

TEST_CASE("EXEC tells which refusal has spoilt the transaction, whatever it was") {
  for (const Cause& cause : causesWhileQueueing()) {
    INFO(cause.name);
    Stage stage;
    cause.configure(stage);
    cause.before(stage);
    stage.client.sends("MULTI");
    stage.client.receives(kOk);
    cause.between(stage);
    for (const std::string& command : cause.commands) stage.client.sends(command);
    stage.clock.advance(200ms);
    const std::string line = firstError(stage.client.takes());
    CHECK(line.starts_with(cause.refusal));
    // What is refused now, and a rate, is no reason any more.
    stage.node(1).answersHandshake("PING", "+PONG\r\n");
    stage.clock.advance(1s);
    if (stage.other.everConnected()) stage.other.resets();
    stage.clock.advance(1s);
    stage.client.sends("EXEC");
    stage.settle();
    CHECK(stage.client.takes() == aborted(line));
    stage.client.sends("EXEC");
    stage.settle();
    CHECK(stage.client.takes() == "-ERR EXEC without MULTI\r\n");
  }
}

TEST_CASE("EXEC tells why it was refused itself") {
  struct Own {
    const char* name;
    std::string exec;
    std::string refusal;
    std::function<void(Stage&)> configure = nothing;
    std::function<void(Stage&)> before = nothing;
    std::function<void(Stage&)> between = nothing;
  };
  const std::vector<Own> all = {
      {"arguments", "EXEC now", "wrong number of arguments for 'exec' command\r\n"},
      {"a user", "EXEC", "NOPERM this user has no permissions to run the 'exec' command\r\n",
       [](Stage& stage) { makeUsers(stage, "~* +@all -exec"); },
       [](Stage& stage) { logIn(stage.client, "app"); }},
      {"a listener", "EXEC", "NOPERM the 'exec' command is denied to all who connect here\r\n",
       [](Stage& stage) { denyCommands(stage, "exec"); }},
      {"a rate", "EXEC", "ERR rate limit exceeded: this user may make 2 requests a second\r\n",
       [](Stage& stage) { makeUsers(stage, "~* +@all requests-per-second=2 limit-action=error"); },
       [](Stage& stage) { logIn(stage.client, "app"); }},
      {"a script that keeps all waiting", "EXEC", std::string(kBusy.substr(1)),
       [](Stage& stage) { stage.config.scriptBusy = config::ScriptBusy::All; }, nothing, beginScript},
  };
  for (const Own& cause : all) {
    INFO(cause.name);
    Stage stage;
    cause.configure(stage);
    cause.before(stage);
    stage.client.sends({"MULTI", "SET b 1"});
    stage.client.receives("+OK\r\n+QUEUED\r\n");
    cause.between(stage);
    stage.client.sends(cause.exec);
    stage.settle();
    CHECK(stage.client.takes() == std::string(kBecause) + cause.refusal);
    stage.node(2).expectsNothing();
    // A rate lets the next one through only later.
    stage.node(1).answersHandshake("PING", "+PONG\r\n");
    stage.clock.advance(1s);
    if (stage.other.everConnected()) stage.other.resets();
  }
}

TEST_CASE("EXEC tells why a node has refused a command that was queued") {
  for (const std::string_view cause :
       {"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist.\r\n",
        "-NOREPLICAS Not enough good replicas to write.\r\n",
        "-NOPERM this user has no permissions to run the 'set' command\r\n",
        "-ERR unknown command 'SET', with args beginning with: 'a' '1' \r\n",
        "-ERR wrong number of arguments for 'set' command\r\n"}) {
    INFO(cause);
    Stage stage;
    stage.client.sends({"MULTI", "SET a 1", "EXEC"});
    stage.client.receives("+OK\r\n+QUEUED\r\n");
    Batch(stage.node(1), {"SET a 1"}).isAborted(cause);
    stage.client.receives(std::string(kBecause) + std::string(cause.substr(1)));
  }
}

TEST_CASE("EXEC tells what has not passed until hold-timeout") {
  constexpr std::pair<std::string_view, std::string_view> kCauses[] = {
      {kTryAgain, kTryAgain},
      {"-CLUSTERDOWN The cluster is down\r\n", "-CLUSTERDOWN The node says CLUSTERDOWN: "},
      {"-LOADING Redis is loading the dataset in memory\r\n", "-CLUSTERDOWN The node says LOADING: "},
      {"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
       "-CLUSTERDOWN The node says MASTERDOWN: "},
      {"-READONLY You can't write against a read only replica.\r\n", "-CLUSTERDOWN The node says READONLY: "},
  };
  for (const auto& [cause, reason] : kCauses) {
    INFO(cause);
    Stage stage;
    stage.config.holdTimeout = 2s;
    stage.client.sends({"MULTI", "SET a 1", "EXEC"});
    stage.client.receives("+OK\r\n+QUEUED\r\n");
    std::string reply;
    for (int i = 0; i < 200 && reply.empty(); ++i) {
      while (const auto received = stage.node(1).next()) {
        const std::string& name = received->words().front();
        received->replies(name == "MULTI" ? "+OK\r\n"
                          : name == "EXEC"
                              ? "-EXECABORT Transaction discarded because of previous errors.\r\n"
                              : std::string(cause));
      }
      stage.clock.advance(50ms);
      reply = stage.client.takes();
    }
    CHECK(reply.starts_with(reason));
  }
}

TEST_CASE_METHOD(Stage, "each command of a group that a node has refused has the reason in its place") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  const std::string oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  const std::string why = std::string(kBecause) + oom.substr(1);
  client.sends({"MULTI", "SET a 1", "SET a 2", "SET b 2", "EXEC"});
  Batch(node(1), {"SET a 1", "SET a 2"}).isAborted(oom);
  Batch(node(2), {"SET b 2"}).replies("*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n" + why + why + "+OK\r\n");
  // Where no group was carried out.
  client.sends({"MULTI", "SET a 1", "SET b 2", "EXEC"});
  Batch(node(1), {"SET a 1"}).isAborted(oom);
  Batch(node(2), {"SET b 2"}).isAborted(oom);
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n" + why);
}

}  // namespace slotless::test
