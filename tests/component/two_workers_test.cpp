// What concerns clients of several workers: each answers for all.
#include <string>

#include "batch.h"
#include "captured_log.h"

namespace slotless::test {

namespace {

// `client` is the first worker's, `far` the second one's; the first to speak has the id 1.
struct TwoWorkers : Stage {
  TwoWorkers() { workers = 2; }
  static std::string confirmation(std::string_view channel) {
    return "*3\r\n" + bulk("subscribe") + bulk(channel) + ":1\r\n";
  }
  // Both workers have a subscription of their own.
  void bothSubscribe() {
    for (FakeClient* each : {&client, &far}) {
      each->sends("SUBSCRIBE a");
      node(1).expects("subscribe a").replies(confirmation("a"));
      each->receives(confirmation("a"));
    }
  }
  FakeClient& far = addClient(1);
};

}  // namespace

TEST_CASE_METHOD(TwoWorkers, "CLIENT LIST, INFO and KILL are about the clients of all workers") {
  client.sends("CLIENT SETNAME near");
  client.receives(kOk);
  far.sends({"CLIENT SETNAME far", "CLIENT LIST"});
  const std::string list = far.takes();
  CHECK(list.find("id=1 ") < list.find("id=2 "));
  CHECK(list.find("name=near ") != std::string::npos);
  CHECK(list.find("name=far ") != std::string::npos);
  client.sends("CLIENT KILL ID 2");
  client.receives(":1\r\n");
  CHECK(far.isClosed());
  CHECK_FALSE(client.isClosed());
}

TEST_CASE_METHOD(
    TwoWorkers, "who has failed to log in at one worker waits at all of them, and the log tells of it once") {
  config.users = {"user default on nopass ~* &* +@all", "user alice on >alice ~* +@all"};
  constexpr std::string_view kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  const CapturedLog log(log::Level::Warn);
  clientHost = "fd00:1:2:3::1";
  FakeClient& failing = addClient(0);
  failing.sends("AUTH alice wrong");
  failing.receives(kWrong);
  clientHost = "fd00:1:2:3::2";
  FakeClient& next = addClient(1);
  next.sends("AUTH alice wrong");
  next.receivesNothing();
  clock.advance(std::chrono::milliseconds(51));
  next.receives(kWrong);
  clientHost = "fd00:1:2:4::1";
  FakeClient& elsewhere = addClient(1);
  elsewhere.sends("AUTH alice alice");
  elsewhere.receives(kOk);
  const std::string text = log.text();
  const std::size_t first = text.find("authentication failed");
  CHECK(first != std::string::npos);
  CHECK(text.find("authentication failed", first + 1) == std::string::npos);
  CHECK(metrics(0).loginsRefused.value() == 1);
  CHECK(metrics(1).loginsRefused.value() == 1);
}

TEST_CASE_METHOD(TwoWorkers, "CLIENT UNBLOCK finds a client of another worker, in its node or at the proxy") {
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).answersHandshake("CLIENT", ":77\r\n");
  config.leaseMaxBlocking = 1;
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  FakeClient& waiting = addClient(0);
  waiting.sends("BLPOP a 0");
  far.sends("CLIENT UNBLOCK 2 ERROR");
  far.receives(":1\r\n");
  waiting.receives("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  far.sends("CLIENT UNBLOCK 1");
  const Batch unblock(node(1), {"CLIENT UNBLOCK 77 TIMEOUT", "EVAL return(0) 0"});
  pop.replies("*-1\r\n");
  client.receives("*-1\r\n");
  unblock.replies("*2\r\n:1\r\n:0\r\n");
  far.receives(":1\r\n");
}

TEST_CASE_METHOD(TwoWorkers, "CLIENT PAUSE holds the clients of all workers, and UNPAUSE by any ends it") {
  client.sends("CLIENT PAUSE 100000 WRITE");
  client.receives(kOk);
  far.sends("SET a 1");
  node(1).expectsNothing();
  FakeClient& third = addClient(1);
  third.sends("CLIENT UNPAUSE");
  third.receives(kOk);
  node(1).expects("SET a 1").replies(kOk);
  far.receives(kOk);
}

TEST_CASE_METHOD(TwoWorkers, "PUBLISH and PUBSUB count the subscribers of all workers") {
  bothSubscribe();
  other.sends("PUBLISH a x");
  node(1).expects("PUBLISH a x").replies(":2\r\n");  // one for each worker
  other.receives(":2\r\n");
  FakeClient& third = addClient(1);
  third.sends("SUBSCRIBE a");
  third.receives(confirmation("a"));
  other.sends("PUBLISH a x");
  node(1).expects("PUBLISH a x").replies(":2\r\n");
  other.receives(":3\r\n");
  other.sends("PUBSUB NUMSUB a");
  for (std::size_t number = 1; number <= kNodes; ++number) {
    const std::string count = number == 1 ? ":2\r\n" : ":0\r\n";
    node(number).expects("PUBSUB NUMSUB a").replies("*2\r\n" + bulk("a") + count);
  }
  other.receives("*2\r\n" + bulk("a") + ":3\r\n");
}

TEST_CASE_METHOD(TwoWorkers, "a tracking client's invalidations reach a client of another worker") {
  for (std::size_t i = 1; i <= kNodes; ++i) {
    node(i).answersHandshake("HELLO", "%1\r\n+proto\r\n:3\r\n");
    node(i).answersHandshake("CLIENT", ":7\r\n");
  }
  far.sends("HELLO 3");
  far.takes();
  far.sends("CLIENT ID");
  far.receives(":1\r\n");
  client.sends("CLIENT TRACKING ON REDIRECT 1");
  FakeConnection* ear = nullptr;
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received asked = node(i).expects("CLIENT TRACKING ON REDIRECT 7");
    if (i == 1) ear = &node(i).connection();
    asked.replies(kOk);
  }
  client.receives(kOk);
  const std::string gone = ">2\r\n$10\r\ninvalidate\r\n*1\r\n" + bulk("a");
  ear->push(gone);
  settle();
  far.receives(gone);
  far.leaves();
  ear->push(gone);
  settle();
  client.takes();  // it has no place to be told in RESP2
  CHECK(metrics(1).clients.value() == 0);
}

TEST_CASE_METHOD(TwoWorkers,
                 "script-busy all: a script refuses the clients of all workers, and its end lets them on") {
  config.scriptBusy = config::ScriptBusy::All;
  constexpr std::string_view kAtWork =
      "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
  client.sends("EVAL x 1 a");
  const Received script = node(1).expects("EVAL x 1 a");
  far.sends("PING");
  far.receives(kPong);
  clock.advance(50ms);
  node(1).answersHandshake("PING", std::string(kAtWork));
  clock.advance(200ms);
  FakeClient& near = addClient(0);
  near.sends("PING");
  near.receives(kAtWork);
  far.sends("PING");
  far.receives(kAtWork);
  node(1).answersHandshake("PING", std::string(kPong));
  script.replies(":1\r\n");
  client.receives(":1\r\n");
  clock.advance(200ms);
  for (FakeClient* each : {&near, &far}) {
    each->sends("PING");
    each->receives(kPong);
  }
}

TEST_CASE_METHOD(TwoWorkers, "CONFIG SET of what is the proxy's own is about all workers") {
  config.allowAdminCommands = true;
  client.sends("CONFIG SET timeout 100");
  client.receives(kOk);
  far.sends("CONFIG GET timeout");
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).expects("CONFIG GET timeout").replies("*2\r\n" + bulk("timeout") + bulk("0"));
  far.receives("*2\r\n" + bulk("timeout") + bulk("100"));
}

}  // namespace slotless::test
