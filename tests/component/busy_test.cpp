// script-busy: who is refused while a script runs for too long.
#include "stage.h"

namespace slotless::test {

namespace {
constexpr std::string_view kAborted =
    "-EXECABORT Transaction discarded because of: BUSY Redis is busy running a script. You can only call "
    "SCRIPT "
    "KILL or SHUTDOWN NOSAVE.\r\n";

constexpr std::string_view kKilled = "-ERR Error running script: Script killed by user with SCRIPT KILL.\r\n";

struct Busy : Stage {
  Busy() { config.scriptBusy = config::ScriptBusy::All; }
  // A script of `client` runs on node 1, which has begun to refuse everything else.
  Received begins() {
    client.sends("EVAL x 1 a");
    Received script = node(1).expects("EVAL x 1 a");
    clock.advance(50ms);
    node(1).answersHandshake("PING", std::string(kBusy));  // on the new link that is asked, too
    clock.advance(100ms);
    return script;
  }
  void ends(const Received& script) {
    node(1).answersHandshake("PING", "+PONG\r\n");
    script.replies(":1\r\n");
    client.receives(":1\r\n");
    clock.advance(50ms);
  }
};
}  // namespace

TEST_CASE_METHOD(Busy, "script-busy all: while a script is running all are refused, until it has ended") {
  const Received script = begins();
  other.sends({"PING", "GET b", "MULTI", "DISCARD", "HELLO 2"});
  const std::string replies = other.takes();
  CHECK(replies.starts_with(std::string(kBusy) + std::string(kBusy) + "+OK\r\n+OK\r\n*"));
  node(2).expectsNothing();
  ends(script);
  other.sends("PING");
  other.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Busy, "script-busy all: transactions are spoilt while queueing, and discarded by EXEC") {
  other.sends({"MULTI", "SET b 1"});
  FakeClient& third = addClient();
  third.sends({"WATCH b", "MULTI", "SET b 1"});
  node(2).expects("WATCH b").replies(kOk);
  const Received script = begins();
  other.sends("EXEC");
  other.receives("+OK\r\n+QUEUED\r\n" + std::string(kAborted));
  third.sends("SET b 2");
  third.receives("+OK\r\n+OK\r\n+QUEUED\r\n" + std::string(kBusy));
  ends(script);
  third.sends("EXEC");
  third.receives(aborted(kBusy));
  other.sends("EXEC");
  other.receives("-ERR EXEC without MULTI\r\n");
}

TEST_CASE_METHOD(Busy, "script-busy all: the script can be killed, and a lost node is not busy") {
  const Received script = begins();
  other.sends("SCRIPT KILL");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i)
        .expects("SCRIPT KILL")
        .replies(i == 1 ? "+OK\r\n" : "-NOTBUSY No scripts in execution right now.\r\n");
  other.receives(kOk);
  script.connection().reset();
  node(1).refusesConnections();
  node(1).resets();
  settle();
  client.takes();
  clock.advance(50ms);
  other.sends("PING");
  other.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Busy, "script-busy all: a slow answer and a blocked client refuse nobody") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  FakeClient& third = addClient();
  third.sends("GET b");
  const Received get = node(2).expects("GET b");
  clock.advance(1s);
  other.sends("PING");
  other.receives("+PONG\r\n");
  get.replies(bulk("1"));
  third.receives(bulk("1"));
  pop.replies("*2\r\n" + bulk("a") + bulk("1"));
  client.takes();
}

TEST_CASE_METHOD(Stage, "script-busy node: only who needs the node of a script is refused") {
  client.sends("EVAL x 1 a");
  const Received script = node(1).expects("EVAL x 1 a");
  clock.advance(1s);
  other.sends("PING");
  other.receives("+PONG\r\n");
  script.replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Busy, "script-busy all: the script's own reply ends it at once") {
  const Received script = begins();
  node(1).answersHandshake("PING", "+PONG\r\n");
  script.replies(":1\r\n");
  client.receives(":1\r\n");
  client.sends("PING");
  client.receives("+PONG\r\n");
  clock.advance(50ms);
}

TEST_CASE_METHOD(Busy, "script-busy all: what a killed script tells its client ends it at once") {
  const Received script = begins();
  node(1).answersHandshake("PING", "+PONG\r\n");
  script.replies(kKilled);
  client.receives(kKilled);
  other.sends("PING");
  other.receives("+PONG\r\n");
  clock.advance(50ms);
}

TEST_CASE_METHOD(Busy, "script-busy all: a script that is to be killed runs until its node says otherwise") {
  const Received script = begins();
  other.sends("SCRIPT KILL");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i)
        .expects("SCRIPT KILL")
        .replies(i == 1 ? "+OK\r\n" : "-NOTBUSY No scripts in execution right now.\r\n");
  other.receives(kOk);
  other.sends("PING");
  other.receives(kBusy);
  node(1).answersHandshake("PING", "+PONG\r\n");
  clock.advance(20ms);
  other.sends("PING");
  other.receives("+PONG\r\n");
  script.replies(kKilled);
  client.receives(kKilled);
  clock.advance(50ms);
}

TEST_CASE_METHOD(Busy,
                 "script-busy all: what a node has said of itself before the script's end is outdated") {
  const bool knownBusy = GENERATE(true, false);
  client.sends("EVAL x 1 a");
  const Received script = node(1).expects("EVAL x 1 a");
  if (knownBusy) {
    node(1).answersHandshake("PING", std::string(kBusy));
    clock.advance(150ms);
  }
  node(1).answersHandshake("PING", "");
  clock.advance(150ms);
  script.replies(":1\r\n");
  client.receives(":1\r\n");
  node(1).pushes(kBusy);
  other.sends("PING");
  other.receives("+PONG\r\n");
  node(1).answersHandshake("PING", "+PONG\r\n");
  clock.advance(50ms);
  other.sends("PING");
  other.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Busy,
                 "script-busy all: a request that its node refuses at once says nothing about a script") {
  node(1).answersHandshake("HELLO", "%1\r\n+proto\r\n:3\r\n");
  other.sends("HELLO 3");
  other.takes();
  client.sends("EVAL x 1 a");
  const Received script = node(1).expects("EVAL x 1 a");
  clock.advance(90ms);
  other.sends("GET a");
  const Received get = node(1).expects("GET a");
  node(1).answersHandshake("PING", std::string(kBusy));
  clock.advance(50ms);
  get.replies("-NOPERM no permission\r\n");
  other.receives("-NOPERM no permission\r\n");
  other.sends("PING");
  other.receives(kBusy);
  ends(script);
}

}  // namespace slotless::test
