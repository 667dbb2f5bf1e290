// Few leases and many who want them: who gets one, and who has to give it back. And nobody looks for nodes
// because of that.
#include <vector>

#include "batch.h"

namespace slotless::test {

namespace {

struct Shares : Stage {
  Shares() {
    config.leaseMaxTransactions = 2;
    settle();
  }
  void watches(FakeClient& by, std::string_view key) {
    by.sends("WATCH " + std::string(key));
    node(1).expects("WATCH " + std::string(key)).replies(kOk);
    by.receives(kOk);
  }
};
}  // namespace

TEST_CASE("who waits for a lease has nobody look for another topology", "[holding]") {
  Stage stage;
  stage.config.leaseMaxBlocking = 1;
  stage.client.sends("BLPOP a 0");
  const Received pop = stage.node(1).expects("BLPOP a 0");
  stage.other.sends("BLPOP d 3");
  const std::size_t before = stage.control.urgentRefreshes;
  stage.clock.advance(2s);
  CHECK(stage.control.urgentRefreshes == before);
  stage.clock.advance(2s);
  stage.other.receives(kNil);
  pop.replies(kNil);
  stage.client.receives(kNil);
}

TEST_CASE("who waits for room on a link has nobody look for another topology", "[holding]") {
  Stage stage;
  stage.config.linkMaxInFlightBytes = 64 * 1024;
  stage.config.suspectAfter = 0ms;
  stage.client.sends("SET a " + std::string(70'000, 'x'));
  const Received set = stage.node(1).expectsAny();
  stage.other.sends("SET d 1");
  const std::size_t before = stage.control.urgentRefreshes;
  stage.clock.advance(150ms);
  CHECK(stage.control.urgentRefreshes == before);
  set.replies(kOk);
  stage.client.receives(kOk);
  stage.clock.advance(100ms);
  stage.node(1).expects("SET d 1").replies(kOk);
  stage.other.receives(kOk);
}

TEST_CASE_METHOD(Shares, "a watch may be idle for as long as it likes while nobody waits") {
  watches(client, "a");
  watches(other, "d");
  clock.advance(10min);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Shares, "a watch that has been idle longest ends when others wait for its lease") {
  watches(client, "a");
  clock.advance(1s);
  watches(other, "d");
  clock.advance(1s);
  FakeClient& third = addClient();
  third.sends("WATCH e");
  clock.advance(1200ms);
  node(1).expectsNothing();
  clock.advance(500ms);  // lease-idle-timeout of 5 s, for 2 leases that 3 want
  node(1).expects("WATCH e").replies(kOk);
  third.receives(kOk);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n" + std::string(kNil));
  other.sends({"MULTI", "SET d 1", "EXEC"});
  Batch(node(1), {"SET d 1"}).replies("*1\r\n+OK\r\n");
  other.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Shares, "a watch with which something is done does not end, however many wait") {
  watches(client, "a");
  watches(other, "d");
  FakeClient& third = addClient();
  third.sends("WATCH e");
  for (int i = 0; i < 74; ++i) {
    third.receivesNothing();
    clock.advance(200ms);
    for (FakeClient* each : {&client, &other}) {
      each->sends("PING");
      each->receives("+PONG\r\n");
    }
  }
  clock.advance(400ms);
  third.receives(
      "-ERR max number of leased connections reached (lease-max-blocking, lease-max-tracking, "
      "lease-max-transactions)\r\n");
}

TEST_CASE_METHOD(Shares, "an address that has its share waits for those that have not") {
  clientHost = "10.9.9.9";
  std::vector<FakeClient*> greedy;
  for (int i = 0; i < 20; ++i) {
    greedy.push_back(&addClient());
    greedy.back()->sends("WATCH a");
  }
  node(1).expects("WATCH a").replies(kOk);
  node(1).expects("WATCH a").replies(kOk);
  clientHost = "10.1.1.1";
  client.sends("WATCH d");
  net::Millis waited{0};
  bool got = false;
  while (!got && waited < 2s) {
    clock.advance(100ms);
    waited += 100ms;
    for (settle(); node(1).unexpected() > 0; settle()) {
      const Received next = node(1).expectsAny();
      got = got || next.words()[1] == "d";
      next.replies(kOk);
    }
  }
  CHECK(waited <= 500ms);
  client.receives(kOk);
  for (FakeClient* each : greedy) each->takes();
}

TEST_CASE_METHOD(Shares, "many idle watches give way one after the other, and quickly") {
  config.leaseMaxTransactions = 10;
  std::vector<FakeClient*> idle;
  for (int i = 0; i < 100; ++i) {
    idle.push_back(&addClient());
    idle.back()->sends("WATCH a");
  }
  client.sends("WATCH d");
  net::Millis waited{0};
  bool got = false;
  while (!got && waited < 15s) {
    for (settle(); node(1).unexpected() > 0; settle()) {
      const Received next = node(1).expectsAny();
      got = got || next.words()[1] == "d";
      next.replies(kOk);
    }
    clock.advance(100ms);
    waited += 100ms;
  }
  CHECK(waited <= 8s);
  client.receives(kOk);
  for (settle(); node(1).unexpected() > 0; settle()) node(1).expectsAny().replies(kOk);
  for (FakeClient* each : idle) each->takes();
}

}  // namespace slotless::test
