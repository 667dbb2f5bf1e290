// Connections are made when they are needed, closed when nobody has used them for long, and made at a rate.
#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::string_view kSubscribed = "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n";
constexpr std::string_view kUnsubscribed = "*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n";

struct OnDemand : Stage {
  OnDemand() { config.linksWarmUp = false; }
};

struct Quick : Stage {
  Quick() { config.linkIdleTimeout = 1min; }
  // A request and its answer.
  void get(const std::string& key, std::size_t at) {
    client.sends("GET " + key);
    node(at).expects("GET " + key).replies(bulk("1"));
    client.receives(bulk("1"));
  }
  std::size_t connects() {
    std::size_t sum = 0;
    for (std::size_t i = 1; i <= kNodes; ++i) sum += node(i).connects();
    return sum;
  }
};

std::size_t missing(const telemetry::WorkerMetrics& metrics) {
  std::size_t count = 0;
  metrics.forEachNode(
      [&](const telemetry::NodeMetrics& node) { count += static_cast<std::size_t>(node.missing.value()); });
  return count;
}

}  // namespace

TEST_CASE_METHOD(Quick, "a link that nobody uses is closed, and made again by the next request") {
  settle();
  CHECK(loop.openConnections().size() == kNodes);
  clock.advance(61s);
  CHECK(loop.openConnections().empty());
  CHECK(missing(metrics()) == 0);
  CHECK(control.urgentRefreshes == 0);
  get("a", 1);
  CHECK(node(1).connects() == 2);
  CHECK(node(2).connects() == 1);
  CHECK(control.urgentRefreshes == 0);
}

TEST_CASE_METHOD(Quick, "a link that is used stays, heartbeats do not count") {
  settle();
  for (int i = 0; i < 5; ++i) {
    clock.advance(50s);
    get("a", 1);
  }
  CHECK(node(1).connects() == 1);
  CHECK(loop.openConnections().size() == 1);
}

TEST_CASE_METHOD(Quick, "a link on which something is open stays, however long that takes") {
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  node(1).ignoresConnections();  // it is busy
  clock.advance(10min);
  CHECK(node(1).connected());
  get.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Quick, "with link-idle-timeout 0 links stay, and so where requests may not be held") {
  const bool held = GENERATE(true, false);
  if (held) {
    config.linkIdleTimeout = 0ms;
  } else {
    config.holdTimeout = 0ms;
  }
  settle();
  clock.advance(1h);
  CHECK(loop.openConnections().size() == kNodes);
  CHECK(loop.connectCalls() == kNodes);
}

TEST_CASE_METHOD(Quick, "links that are to stay from now on are made again at a reload") {
  settle();
  clock.advance(61s);
  CHECK(loop.openConnections().empty());
  config.linkIdleTimeout = 0ms;
  worker().setConfig(config);
  settle();
  CHECK(loop.openConnections().size() == kNodes);
}

TEST_CASE_METHOD(Quick, "requests for an idle link wait in their order, for one connection") {
  settle();
  clock.advance(61s);
  node(1).answersHandshake("PING", "");
  client.sends({"SET a 1", "GET a", "GET d"});
  other.sends("GET a");
  CHECK(node(1).connects() == 2);
  node(1).expectsNothing();
  node(1).pushes("+PONG\r\n");
  node(1).expects("SET a 1").replies("+OK\r\n");
  node(1).expects("GET a").replies(bulk("1"));
  node(1).expects("GET d").replies(bulk("2"));
  node(1).expects("GET a").replies(bulk("1"));
  client.receives("+OK\r\n" + bulk("1") + bulk("2"));
  other.receives(bulk("1"));
  CHECK(node(1).connects() == 2);
}

TEST_CASE_METHOD(Quick, "a node that is gone when an idle link is wanted is looked for, and requests wait") {
  settle();
  clock.advance(61s);
  node(1).refusesConnections();
  client.sends("GET a");
  clock.advance(1s);
  CHECK(control.urgentRefreshes > 0);
  CHECK(missing(metrics()) == 1);
  replaceNode(1, 4);
  node(4).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Quick, "a node that does not come back is not tried for ever where nobody wants it") {
  node(1).refusesConnections();
  settle();
  clock.advance(2min);
  const std::size_t tried = node(1).connects();
  CHECK(tried > 10);
  CHECK(missing(metrics()) == 0);
  clock.advance(10min);
  CHECK(node(1).connects() == tried);
  node(1).acceptsConnections();
  get("a", 1);
}

TEST_CASE_METHOD(Quick, "what any node can answer opens one link, if none is there") {
  settle();
  clock.advance(61s);
  client.sends("PUBLISH ch x");
  settle();
  std::size_t asked = 0;
  for (std::size_t i = 1; i <= kNodes; ++i) {
    if (const auto publish = node(i).next()) {
      publish->replies(":0\r\n");
      ++asked;
    }
  }
  CHECK(asked == 1);
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Quick, "a master that joins while nobody uses a link is not connected to") {
  settle();
  clock.advance(61s);
  addNode(4);
  CHECK(node(4).connects() == 0);
  CHECK(missing(metrics()) == 0);
  get("a", 1);
  replaceNode(2, 4);
  CHECK(node(4).connects() == 0);  // known before as a master without slots
  client.sends("GET b");
  node(4).expects("GET b").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Quick, "a lease that was given back is closed when nobody wants one for long") {
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies("+OK\r\n");
  client.receives("+OK\r\n");
  client.sends("UNWATCH");
  node(1).expects("UNWATCH").replies("+OK\r\n");
  client.receives("+OK\r\n");
  CHECK(node(1).connects() == 2);
  clock.advance(61s);
  CHECK(loop.openConnections().empty());
}

TEST_CASE_METHOD(Quick, "a client that is blocked keeps its connection, and no other one") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  clock.advance(10min);
  CHECK(loop.openConnections().size() == 1);
  pop.replies("*2\r\n" + bulk("a") + bulk("1"));
  client.receives("*2\r\n" + bulk("a") + bulk("1"));
}

TEST_CASE_METHOD(Quick, "a subscription keeps its connection, and without one it is closed") {
  client.sends("SUBSCRIBE ch");
  settle();
  std::optional<Received> subscribe;
  for (std::size_t i = 1; i <= kNodes && !subscribe; ++i) subscribe = node(i).next();
  REQUIRE(subscribe);
  subscribe->replies(kSubscribed);
  client.receives(kSubscribed);
  clock.advance(10min);
  CHECK(loop.openConnections().size() == 1);
  client.sends("UNSUBSCRIBE ch");
  client.receives(kUnsubscribed);
  std::optional<Received> unsubscribe;
  for (std::size_t i = 1; i <= kNodes && !unsubscribe; ++i) unsubscribe = node(i).next();
  REQUIRE(unsubscribe);
  unsubscribe->replies(kUnsubscribed);
  clock.advance(61s);
  CHECK(loop.openConnections().empty());
}

TEST_CASE_METHOD(OnDemand, "without links-warm-up a link is made when the first request wants to go there") {
  settle();
  CHECK(loop.connectCalls() == 0);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(node(1).connects() == 1);
  CHECK(loop.connectCalls() == 1);
}

TEST_CASE_METHOD(OnDemand, "without links-warm-up a link that was refused is missed") {
  node(1).refusesConnections();
  client.sends("GET a");
  settle();
  CHECK(missing(metrics()) == 1);
  node(1).acceptsConnections();
  clock.advance(1s);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(missing(metrics()) == 0);
}

TEST_CASE_METHOD(Stage, "links that are made at the start are missed until they stand") {
  node(1).answersHandshake("PING", "");
  settle();
  CHECK(missing(metrics()) == 1);
  node(1).pushes("+PONG\r\n");
  CHECK(missing(metrics()) == 0);
}

TEST_CASE_METHOD(Stage,
                 "connections of their own are made at a rate, after as many at once, and none fails") {
  config.nodeConnectRate = 4;
  settle();
  std::vector<FakeClient*> blocked;
  for (int i = 0; i < 12; ++i) {
    blocked.push_back(&addClient());
    blocked.back()->sends("BLPOP a 0");
  }
  settle();
  const std::size_t atOnce = node(1).connects();
  CHECK(atOnce >= 4);
  CHECK(atOnce <= 5);  // the shared link among them
  clock.advance(1s);
  CHECK(node(1).connects() <= atOnce + 4);
  CHECK(node(1).connects() >= atOnce + 2);  // each waits up to a quarter longer
  clock.advance(4s);
  CHECK(node(1).connects() == 13);
  for (std::size_t i = 0; i < blocked.size(); ++i) node(1).expects("BLPOP a 0").replies("*-1\r\n");
  for (FakeClient* each : blocked) each->receives("*-1\r\n");
}

TEST_CASE_METHOD(Stage, "a shared link does not wait for leases, and without a limit nobody does") {
  const std::uint64_t rate = GENERATE(2U, 0U);
  config.nodeConnectRate = rate;
  config.suspectAfter = 0ms;  // that it does not answer is not to be looked into
  node(1).answersHandshake("HELLO", "%1\r\n+proto\r\n:3\r\n");
  settle();
  std::vector<FakeClient*> blocked;
  for (int i = 0; i < 6; ++i) {
    blocked.push_back(&addClient());
    blocked.back()->sends("BLPOP a 0");
  }
  settle();
  if (rate == 0) CHECK(node(1).connects() == 7);
  const std::size_t before = node(1).connects();
  other.sends("HELLO 3");
  other.takes();
  other.sends("GET a");
  settle();
  CHECK(node(1).connects() == before + 1);
  clock.advance(10s);
  CHECK(node(1).connects() == 8);
  std::size_t answered = 0;
  while (const auto received = node(1).next()) {
    const bool pops = received->words().front() == "BLPOP";
    received->replies(pops ? "*-1\r\n" : bulk("1"));
    answered += pops ? 1U : 0U;
  }
  CHECK(answered == 6);
  other.receives(bulk("1"));
  for (FakeClient* each : blocked) each->receives("*-1\r\n");
}

}  // namespace slotless::test
