// Requests whose slot has no reachable master: held, bounded in number, bytes and time.
#include "proxy/dispatch/held_reasons.h"
#include "stage.h"

namespace slotless::test {

namespace {

void loseNode(Stage& stage, std::size_t number) {
  stage.settle();
  stage.node(number).refusesConnections();
  stage.node(number).resets();
}

}  // namespace

TEST_CASE_METHOD(Stage, "requests for a slot that nobody serves are held until somebody does") {
  giveSlot("a", 0);
  client.sends("SET a 1");
  clock.advance(10s);
  client.receivesNothing();
  giveSlot("a", 3);
  node(3).expects("SET a 1").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "requests that are held go to the node that takes over") {
  loseNode(*this, 1);
  client.sends({"SET a 1", "GET a"});
  clock.advance(2s);
  replaceNode(1, 4);
  node(4).expects("SET a 1").replies(kOk);
  node(4).expects("GET a").replies(bulk("1"));
  client.receives("+OK\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Stage, "while requests are held the topology is asked for urgently, again and again") {
  loseNode(*this, 1);
  client.sends("GET a");
  const std::size_t before = control.urgentRefreshes;
  clock.advance(1s);
  CHECK(control.urgentRefreshes >= before + 5);
  node(1).acceptsConnections();
  clock.advance(3s);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  const std::size_t after = control.urgentRefreshes;
  clock.advance(10s);
  CHECK(control.urgentRefreshes == after);
}

TEST_CASE_METHOD(Stage, "who has as many requests held as are left of the limit is not read from") {
  config.holdMaxRequests = 4;
  loseNode(*this, 1);
  client.sends({"SET a 1", "SET d 2", "SET e 3", "SET a 4"});
  CHECK(metrics().heldRequests.value() == 2);
  CHECK_FALSE(client.isRead());
  CHECK(limitHits(telemetry::Limit::HoldRequests) > 0);
  other.sends({"GET b", "SET a 5", "SET d 6"});
  node(2).expects("GET b").replies(bulk("b"));
  other.receives(bulk("b"));
  CHECK(metrics().heldRequests.value() == 3);
  FakeClient& third = addClient();
  third.sends({"SET a 7", "SET d 8"});
  CHECK(metrics().heldRequests.value() == 4);
  node(1).acceptsConnections();
  clock.advance(3s);
  for (int i = 0; i < 8; ++i) {
    const Received set = node(1).expectsAny();
    CHECK(set.words().front() == "SET");
    set.replies(kOk);
  }
  client.receives(repeated(kOk, 4));
  other.receives(repeated(kOk, 2));
  third.receives(repeated(kOk, 2));
  CHECK(metrics().heldRequests.value() == 0);
}

TEST_CASE_METHOD(Stage, "a request for many slots is one that is held, however many nodes it waits for") {
  config.holdMaxRequests = 2;
  loseNode(*this, 1);
  client.sends("MGET a d e b");
  node(2).expects("MGET b").replies("*1\r\n" + bulk("b"));
  CHECK(metrics().heldRequests.value() == 1);
  other.sends("GET d");
  CHECK(metrics().heldRequests.value() == 2);
  clock.advance(16s);
  client.receives(kNoMaster);
  other.receives(kNoMaster);
}

TEST_CASE_METHOD(Stage, "one request of each client is held, whatever others have") {
  config.holdMaxRequests = 1;
  loseNode(*this, 1);
  std::vector<FakeClient*> many;
  for (int i = 0; i < 5; ++i) {
    many.push_back(&addClient());
    many.back()->sends({"GET a", "GET b"});
  }
  for (int i = 0; i < 5; ++i) node(2).expectsNothing();
  CHECK(metrics().heldRequests.value() == 5);
  clock.advance(16s);
  for (int i = 0; i < 5; ++i) node(2).expects("GET b").replies(bulk("b"));
  for (FakeClient* each : many) each->receives(std::string(kNoMaster) + bulk("b"));
}

TEST_CASE_METHOD(Stage, "who has as many bytes held as are left of the limit is not read from") {
  const std::string value(600, 'x');
  config.holdMaxBytes = 1000;
  loseNode(*this, 1);
  client.sends({"SET a " + value, "SET d " + value, "GET a"});
  CHECK(metrics().heldBytes.value() > 600);
  CHECK(metrics().heldRequests.value() == 1);
  CHECK_FALSE(client.isRead());
  CHECK(limitHits(telemetry::Limit::HoldBytes) > 0);
  other.sends("GET d");
  CHECK(metrics().heldRequests.value() == 2);
  node(1).acceptsConnections();
  clock.advance(3s);
  const Received first = node(1).expects("SET a " + value);
  node(1).expects("GET d");
  node(1).expects("SET d " + value);
  node(1).expects("GET a");
  first.replies("+OK\r\n$-1\r\n+OK\r\n" + bulk("1"));
  client.receives("+OK\r\n+OK\r\n" + bulk("1"));
  other.receives("$-1\r\n");
}

TEST_CASE_METHOD(Stage,
                 "without holding a redirected request fails at once, with what is behind it unharmed") {
  config.holdMaxRequests = 0;
  client.sends({"GET a", "GET d"});
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  a.replies("-CLUSTERDOWN The cluster is down\r\n" + bulk("d"));
  client.receives(std::string(session::textOfRefusal(session::Trouble::ClusterDown)) + bulk("d"));
}

TEST_CASE_METHOD(Stage, "each held request has a deadline of its own") {
  loseNode(*this, 1);
  client.sends("SET a 1");
  clock.advance(5s);
  client.sends("SET a 2");
  clock.advance(10s + 50ms);
  client.receives(kNoMaster);
  clock.advance(4'800ms);
  client.receivesNothing();
  clock.advance(200ms);
  client.receives(kNoMaster);
}

TEST_CASE_METHOD(Stage, "the time to hold can be configured") {
  config.holdTimeout = 1s;
  loseNode(*this, 1);
  client.sends("SET a 1");
  clock.advance(900ms);
  client.receivesNothing();
  clock.advance(150ms);
  client.receives(kNoMaster);
}

TEST_CASE_METHOD(Stage, "a held request that failed is not sent when the node is back") {
  config.holdTimeout = 1s;
  loseNode(*this, 1);
  client.sends("SET a 1");
  clock.advance(1'100ms);
  client.receives(kNoMaster);
  node(1).acceptsConnections();
  clock.advance(5s);
  CHECK(node(1).connected());
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Stage, "a command without keys waits for any master") {
  for (std::size_t i = 1; i <= kNodes; ++i) loseNode(*this, i);
  client.sends("COMMAND LIST");
  clock.advance(1s);
  client.receivesNothing();
  node(2).acceptsConnections();
  clock.advance(3s);
  node(2).expects("COMMAND LIST").replies("*0\r\n");
  client.receives("*0\r\n");
}

TEST_CASE_METHOD(Stage, "requests beyond the bytes that may be open on a link wait for its replies") {
  config.linkMaxInFlightBytes = 1000;
  const std::string value(600, 'x');
  client.sends({"SET a " + value, "SET d " + value, "GET a", "GET b"});
  const Received first = node(1).expects("SET a " + value);
  const Received second = node(1).expects("SET d " + value);
  node(1).expectsNothing();
  node(2).expects("GET b").replies(bulk("b"));
  first.replies(kOk);
  node(1).expects("GET a");
  second.replies(std::string(kOk) + bulk("1"));
  client.receives("+OK\r\n+OK\r\n" + bulk("1") + bulk("b"));
}

TEST_CASE_METHOD(Stage, "a request for which a link has no room until the deadline is told so") {
  config.linkMaxInFlightBytes = 1000;
  other.sends("SET a " + std::string(1200, 'x'));
  const Received large = node(1).expects("SET a " + std::string(1200, 'x'));
  client.sends("GET a");
  clock.advance(16s);
  node(1).expectsNothing();
  client.receives(
      "-CLUSTERDOWN The node does not take requests as fast as they come (link-max-in-flight-bytes)\r\n");
  large.replies(kOk);
  other.receives(kOk);
}

}  // namespace slotless::test
