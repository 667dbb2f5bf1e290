// Commands inside MULTI that several nodes or all workers have to be asked for: answered behind the node's
// EXEC, each in its place.
#include <string>
#include <tuple>

#include "batch.h"

namespace slotless::test {

namespace {

struct BehindExec : Stage {
  BehindExec() { config.allowAdminCommands = true; }

  void allAnswer(std::string_view request, std::string_view reply) {
    for (std::size_t number = 1; number <= kNodes; ++number) node(number).expects(request).replies(reply);
  }
  void nodesHearNothing() {
    for (std::size_t number = 1; number <= kNodes; ++number) node(number).expectsNothing();
  }
};

std::string settingReply(std::string_view name, std::string_view value) {
  return "*2\r\n" + bulk(name) + bulk(value);
}

// MULTI, and so many commands.
std::string begun(std::size_t commands) {
  return std::string(kOk) + repeated(kQueued, commands);
}

constexpr std::string_view kHz = "CONFIG GET hz";

}  // namespace

TEST_CASE_METHOD(BehindExec,
                 "what several nodes are asked for stands in its place, and is asked behind EXEC") {
  client.sends({"MULTI", "SET a 1", "CONFIG GET hz", "PING", "LASTSAVE", "GET a", "EXEC", "GET d"});
  const Batch batch(node(1), {"SET a 1", "GET a"});
  nodesHearNothing();
  batch.replies("*2\r\n+OK\r\n" + bulk("1"));
  node(1).expects(kHz).replies(settingReply("hz", "10"));
  node(2).expects(kHz).replies(settingReply("hz", "10"));
  const Received last = node(3).expects(kHz);
  nodesHearNothing();
  last.replies(settingReply("hz", "10"));
  node(1).expects("LASTSAVE").replies(":7\r\n");
  node(2).expects("LASTSAVE").replies(":5\r\n");
  client.receives(begun(5));
  node(3).expects("LASTSAVE").replies(":6\r\n");
  node(1).expects("GET d").replies(bulk("d"));
  client.receives("*5\r\n+OK\r\n" + settingReply("hz", "10") + "+PONG\r\n:5\r\n" + bulk("1") + bulk("d"));
}

TEST_CASE_METHOD(BehindExec, "a transaction of nothing else needs no EXEC at a node") {
  client.sends({"SET a 1", "MULTI", "CONFIG GET hz", "PUBSUB NUMPAT", "EXEC"});
  const Received before = node(1).expects("SET a 1");
  nodesHearNothing();  // like all that is asked in stages it waits for what is before it
  before.replies(kOk);
  allAnswer(kHz, settingReply("hz", "10"));
  allAnswer("PUBSUB NUMPAT", ":0\r\n");
  client.receives(std::string(kOk) + begun(2) + "*2\r\n" + settingReply("hz", "10") + ":0\r\n");
}

TEST_CASE_METHOD(BehindExec, "INFO in a transaction is the proxy's own, in either protocol") {
  client.sends({"HELLO 3", "MULTI", "INFO server", "SET a 1", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  const std::string text = "# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\n";
  allAnswer("INFO server", "=" + std::to_string(text.size() + 4) + "\r\ntxt:" + text + "\r\n");
  const std::string reply = client.takes();
  CHECK(contains(reply, std::string(kQueued) + "*2\r\n="));
  CHECK(contains(reply, "redis_mode:standalone"));
  CHECK(reply.ends_with("\r\n+OK\r\n"));
}

TEST_CASE_METHOD(BehindExec, "what all workers are asked for stands in its place, in the order of all") {
  workers = 2;
  FakeClient& far = addClient(1);
  far.sends("CLIENT SETNAME far");
  far.receives(kOk);
  client.sends({"MULTI", "CLIENT SETNAME near", "CLIENT LIST", "SET a 1", "SLOWLOG LEN", "LATENCY RESET",
                "CLIENT SETNAME later", "EXEC", "CLIENT GETNAME"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  const std::string reply = client.takes();
  CHECK(reply.starts_with(begun(6) + "*6\r\n+OK\r\n$"));
  CHECK(contains(reply, " name=far "));
  CHECK(contains(reply, " name=near "));
  CHECK_FALSE(contains(reply, " name=later "));
  CHECK(reply.ends_with("\r\n+OK\r\n:0\r\n:0\r\n+OK\r\n" + bulk("later")));
}

TEST_CASE_METHOD(BehindExec, "an error of what all workers are asked for stands in its place") {
  client.sends({"MULTI", "CLIENT LIST TYPE odd", "LATENCY GRAPH command", "CLIENT KILL 1.2.3.4:5", "EXEC"});
  client.receives(begun(3) +
                  "*3\r\n-ERR Unknown client type 'odd'\r\n"
                  "-ERR No samples available for event 'command'\r\n-ERR No such client\r\n");
}

TEST_CASE_METHOD(BehindExec, "a client that ends itself in a transaction hears of it first") {
  client.sends({"MULTI", "CLIENT KILL ID 1 SKIPME no", "LASTSAVE", "EXEC"});
  allAnswer("LASTSAVE", ":1\r\n");
  client.receives(begun(2) + "*2\r\n:1\r\n:1\r\n");
  CHECK(client.isClosed());
}

TEST_CASE("where the node runs nothing, nobody is asked for anything") {
  const std::string_view kOomLine = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  Stage stage;
  stage.client.sends({"MULTI", "SET a 1", "CONFIG GET hz", "EXEC"});
  Batch(stage.node(1), {"SET a 1"}).isAborted(kOomLine);
  stage.client.receives(begun(2) +
                        "-EXECABORT Transaction discarded because of: " + std::string(kOomLine.substr(1)));
  stage.client.sends({"MULTI", "CONFIG GET hz", "NOSUCH", "EXEC"});
  const std::string error = "-ERR unknown command 'NOSUCH', with args beginning with: \r\n";
  stage.client.receives(begun(1) + error + aborted(error));
  stage.client.sends({"MULTI", "CONFIG GET hz", "DISCARD"});
  stage.client.receives(begun(1) + std::string(kOk));
  for (std::size_t number = 1; number <= kNodes; ++number) stage.node(number).expectsNothing();
}

TEST_CASE_METHOD(BehindExec,
                 "a watched transaction has them, too, and none of them on the watch's connection") {
  client.sends({"WATCH a"});
  const Received watch = node(1).expects("WATCH a");
  watch.replies(kOk);
  client.receives(kOk);
  client.sends({"MULTI", "SET a 1", "CONFIG GET hz", "EXEC"});
  const Batch batch(node(1), {"SET a 1"});
  CHECK(&batch.connection() == &watch.connection());
  batch.replies("*1\r\n+OK\r\n");
  const Received first = node(1).expects(kHz);
  CHECK(&first.connection() != &watch.connection());
  first.replies(settingReply("hz", "10"));
  node(2).expects(kHz).replies(settingReply("hz", "10"));
  node(3).expects(kHz).replies(settingReply("hz", "10"));
  client.receives(begun(2) + "*2\r\n+OK\r\n" + settingReply("hz", "10"));
  CHECK(metrics().transactionLeases.value() == 0);
}

TEST_CASE_METHOD(BehindExec, "a watch without any other command is ended by an empty EXEC") {
  client.sends({"WATCH a"});
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  client.sends({"MULTI", "LASTSAVE", "EXEC"});
  Batch(node(1), {}).replies("*0\r\n");
  allAnswer("LASTSAVE", ":3\r\n");
  client.receives(begun(1) + "*1\r\n:3\r\n");
}

TEST_CASE("a watch that is lost or has seen a change ends it, and nobody is asked") {
  for (const bool refused : {false, true}) {
    INFO(refused);
    Stage stage;
    stage.client.sends({"WATCH a"});
    stage.node(1).expects("WATCH a").replies(kOk);
    stage.client.receives(kOk);
    stage.client.sends({"MULTI", "SET a 1", "CONFIG GET hz", "EXEC", "PING"});
    const Batch batch(stage.node(1), {"SET a 1"});
    if (refused) {
      batch.isAborted(kLoading);
    } else {
      batch.replies(kNil);
    }
    stage.client.receives(begun(2) + std::string(kNil) + std::string(kPong));
    for (std::size_t number = 1; number <= kNodes; ++number) stage.node(number).expectsNothing();
  }
}

TEST_CASE_METHOD(BehindExec, "a node's refusal is an error in the place of one command") {
  client.sends({"MULTI", "SET a 1", "CONFIG GET hz", "MEMORY PURGE", "GET a", "EXEC"});
  Batch(node(1), {"SET a 1", "GET a"}).replies("*2\r\n+OK\r\n" + bulk("1"));
  node(1).expects(kHz).replies(settingReply("hz", "10"));
  node(2).expects(kHz).replies("-ERR not today\r\n");
  node(3).expects(kHz).replies(settingReply("hz", "10"));
  node(1).expects("MEMORY PURGE").replies(kOk);
  node(2).expects("MEMORY PURGE").replies("-ERR nor that\r\n");
  node(3).expects("MEMORY PURGE").replies(kOk);
  client.receives(begun(4) + "*4\r\n+OK\r\n-ERR not today\r\n-ERR nor that\r\n" + bulk("1"));
}

TEST_CASE_METHOD(BehindExec, "a connection that is lost behind EXEC does not run the transaction again") {
  client.sends({"MULTI", "INCR a", "CONFIG GET hz", "EXEC"});
  Batch(node(1), {"INCR a"}).replies("*1\r\n:1\r\n");
  node(1).expects(kHz);
  node(2).expects(kHz).replies(settingReply("hz", "10"));
  node(3).expects(kHz).replies(settingReply("hz", "10"));
  node(1).resets();
  clock.advance(200ms);
  node(1).expects(kHz).replies(settingReply("hz", "10"));
  client.receives(begun(2) + "*2\r\n:1\r\n" + settingReply("hz", "10"));
}

TEST_CASE_METHOD(BehindExec,
                 "a transaction that may have run is ambiguous, and nobody is asked for the rest") {
  client.sends({"MULTI", "INCR a", "CONFIG GET hz", "EXEC", "PING"});
  const Batch batch(node(1), {"INCR a"});
  node(1).resets();
  client.receives(begun(2) + std::string(kAmbiguous) + std::string(kPong));
  nodesHearNothing();
}

TEST_CASE_METHOD(BehindExec, "what is asked for follows a transaction that a node has sent elsewhere") {
  client.sends({"MULTI", "INCR a", "LASTSAVE", "EXEC"});
  Batch(node(1), {"INCR a"}).isAborted(moved("a", 3));
  Batch(node(3), {"INCR a"}).replies("*1\r\n:1\r\n");
  allAnswer("LASTSAVE", ":4\r\n");
  client.receives(begun(2) + "*2\r\n:1\r\n:4\r\n");
}

TEST_CASE_METHOD(BehindExec, "what CONFIG SET sets, CONFIG GET behind it sees") {
  client.sends({"MULTI", "SET a 1", "CONFIG SET slowlog-max-len 7", "CONFIG GET slowlog-max-len", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  allAnswer("CONFIG SET slowlog-max-len 7", kOk);
  allAnswer("CONFIG GET slowlog-max-len", settingReply("slowlog-max-len", "128"));
  client.receives(begun(3) + "*3\r\n+OK\r\n+OK\r\n" + settingReply("slowlog-max-len", "7"));
}

TEST_CASE_METHOD(BehindExec, "a CONFIG SET that may have taken effect is told so, and is not repeated") {
  client.sends({"MULTI", "SET a 1", "CONFIG SET hz 5", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  node(1).expects("CONFIG SET hz 5").replies(kOk);
  node(2).expects("CONFIG SET hz 5");
  node(3).expects("CONFIG SET hz 5").replies(kOk);
  node(2).resets();
  client.receives(begun(2) + "*2\r\n+OK\r\n" + std::string(kAmbiguous));
  clock.advance(1s);
  nodesHearNothing();
}

TEST_CASE_METHOD(BehindExec, "what the proxy refuses by itself stands in its place") {
  client.sends({"MULTI", "CONFIG SET port 1", "PING", "EXEC"});
  client.receives(begun(2) +
                  "*2\r\n-ERR CONFIG SET failed (possibly related to argument 'port') - Slotless would lose "
                  "the nodes\r\n+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "what the proxy does without the nodes stands in its place") {
  client.sends({"MULTI", "CONFIG RESETSTAT", "SET a 1", "SLOWLOG LEN", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives(begun(3) + "*3\r\n+OK\r\n+OK\r\n:0\r\n");
}

TEST_CASE_METHOD(Stage, "what is asked for in stages of its own is asked for in them") {
  client.sends({"MULTI", "SET a 1", "CONFIG SET notify-keyspace-events Ex", "PING", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number)
        .expects("CONFIG GET notify-keyspace-events")
        .replies(settingReply("notify-keyspace-events", ""));
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).expects("CONFIG SET notify-keyspace-events Ex").replies(kOk);
  client.receives(begun(3) + "*3\r\n+OK\r\n+OK\r\n+PONG\r\n");
}

TEST_CASE_METHOD(BehindExec, "nothing for nodes can follow what changes them") {
  client.sends({"MULTI", "CONFIG SET hz 5", "SET a 1", "EXEC"});
  const std::string error =
      "-ERR 'set' cannot follow 'config|set' in a transaction: that concerns several nodes, and is carried "
      "out last\r\n";
  client.receives(begun(1) + error + aborted(error));
  nodesHearNothing();
}

TEST_CASE("what concerns keys of several nodes, or scripts, is refused as before") {
  for (const std::string_view name : {"dbsize", "randomkey", "flushall", "flushdb"}) {
    INFO(name);
    Stage stage;
    stage.client.sends({"MULTI", "LASTSAVE", name, "EXEC"});
    const std::string error =
        "-ERR '" + std::string(name) + "' concerns several nodes and cannot be part of a transaction\r\n";
    stage.client.receives(begun(1) + error + aborted(error));
  }
  Stage stage;
  stage.client.sends({"MULTI", "FLUSHALL", "LASTSAVE", "EXEC"});
  const std::string error = "-ERR 'flushall' concerns several nodes and cannot be part of a transaction\r\n";
  stage.client.receives(begun(1) + error + aborted(error));
}

TEST_CASE_METHOD(BehindExec, "behind the groups of a transaction it is asked, too") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  client.sends({"MULTI", "LASTSAVE", "SET a 1", "SET b 2", "CLIENT KILL 1.2.3.4:5", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  Batch(node(2), {"SET b 2"}).isAborted("-OOM no\r\n");
  allAnswer("LASTSAVE", ":2\r\n");
  const std::string reply = client.takes();
  CHECK(reply.starts_with(begun(4) + "*4\r\n:2\r\n+OK\r\n-EXECABORT "));
  CHECK(reply.ends_with("\r\n-ERR No such client\r\n"));
}

TEST_CASE_METHOD(BehindExec, "PUBLISH's reply is corrected beside them") {
  client.sends({"MULTI", "PUBLISH a x", "LASTSAVE", "EXEC"});
  Batch(node(1), {"PUBLISH a x"}).replies("*1\r\n:3\r\n");
  allAnswer("LASTSAVE", ":2\r\n");
  client.receives(begun(2) + "*2\r\n:3\r\n:2\r\n");
}

TEST_CASE_METHOD(BehindExec, "a client that leaves meanwhile is asked for no more") {
  client.sends({"MULTI", "SET a 1", "CONFIG GET hz", "LASTSAVE", "EXEC"});
  client.receives(begun(3));
  const Batch batch(node(1), {"SET a 1"});
  client.resets();
  batch.replies("*1\r\n+OK\r\n");
  nodesHearNothing();
  other.sends({"MULTI", "CONFIG GET hz", "LASTSAVE", "EXEC"});
  other.receives(begun(2));
  const Received first = node(1).expects(kHz);
  const Received second = node(2).expects(kHz);
  const Received third = node(3).expects(kHz);
  other.resets();
  first.replies(settingReply("hz", "10"));
  second.replies(settingReply("hz", "10"));
  third.replies(settingReply("hz", "10"));
  nodesHearNothing();
}

TEST_CASE_METHOD(BehindExec, "CLIENT REPLY OFF in such a transaction leaves EXEC without a reply") {
  client.sends({"MULTI", "CLIENT REPLY OFF", "LASTSAVE", "EXEC", "PING", "CLIENT REPLY ON"});
  allAnswer("LASTSAVE", ":2\r\n");
  client.receives(begun(2) + std::string(kOk));
}

TEST_CASE_METHOD(BehindExec, "a long transaction goes on in pieces, and others are served meanwhile") {
  constexpr std::size_t kMany = 3000;
  std::string bytes = request("MULTI") + request("LASTSAVE");
  for (std::size_t i = 0; i < kMany; ++i) bytes += request("ECHO x");
  bytes += request("LASTSAVE") + request("EXEC");
  client.sendsBytes(bytes);
  allAnswer("LASTSAVE", ":1\r\n");
  allAnswer("LASTSAVE", ":2\r\n");
  const std::string reply = client.takes();
  const std::string expected = begun(kMany + 2) + "*" + std::to_string(kMany + 2) + "\r\n:1\r\n" +
                               repeated(bulk("x"), kMany) + ":2\r\n";
  const bool same = reply == expected;
  CHECK(same);
}

TEST_CASE_METHOD(BehindExec, "what one server words by itself comes from it") {
  config.upstream = config::Upstream::Single;
  client.sends({"MULTI", "ACL LOG odd words", "PING", "EXEC"});
  node(2).expects("ACL LOG odd words").replies("-ERR odd\r\n");  // whose slots are the first
  client.receives(begun(2) + "*2\r\n-ERR odd\r\n+PONG\r\n");
}

TEST_CASE_METHOD(BehindExec, "the slow log has the transaction, at its node") {
  client.sends("CONFIG SET slowlog-log-slower-than 0");
  allAnswer("CONFIG SET slowlog-log-slower-than 0", kOk);
  client.receives(kOk);
  client.sends({"SLOWLOG RESET", "MULTI", "SET a 1", "GET a", "LASTSAVE", "EXEC"});
  Batch(node(1), {"SET a 1", "GET a"}).replies("*2\r\n+OK\r\n" + bulk("1"));
  allAnswer("LASTSAVE", ":2\r\n");
  client.takes();
  client.sends("SLOWLOG GET");
  CHECK(contains(client.takes(), "*2\r\n" + bulk("EXEC") + bulk("(2 commands)")));
}

}  // namespace slotless::test
