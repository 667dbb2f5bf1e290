// Nodes that are there and say nothing: frozen, cut off, or busy with a long script. Nobody can tell which,
// so they get nothing new (suspect-after), and what they have got stays theirs.
#include <algorithm>
#include <vector>

#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::string_view kNodeSilent =
    "-CLUSTERDOWN The node of the slot does not answer (suspect-after)\r\n";
// Longer than suspect-after, with the time between two looks.
constexpr auto kSuspected = 700ms;

std::int64_t silentLinks(Stage& stage) {
  std::int64_t count = 0;
  stage.metrics().forEachNode([&](const telemetry::NodeMetrics& node) {
    count += node.state.value() == static_cast<std::int64_t>(telemetry::LinkState::Silent) ? 1 : 0;
  });
  return count;
}

std::size_t heartbeats(const FakeNode& node) {
  // The first PING is that of the connection.
  const auto& said = node.handshakes();
  return static_cast<std::size_t>(std::count(said.begin(), said.end(), "PING")) - node.connects();
}

}  // namespace

TEST_CASE_METHOD(Stage, "a node that is silent for a while gets nothing new, and keeps what it has got") {
  client.sends("SET a 1");
  const Received first = node(1).expects("SET a 1");
  clock.advance(400ms);
  other.sends("SET d 2");
  const Received second = node(1).expects("SET d 2");
  clock.advance(kSuspected);
  CHECK(silentLinks(*this) == 1);
  client.sends("SET a 3");
  FakeClient& third = addClient();
  third.sends("GET e");
  node(1).expectsNothing();
  CHECK(metrics().heldRequests.value() == 2);
  clock.advance(10s);
  node(1).expectsNothing();
  client.receivesNothing();
  first.replies(kOk);
  client.receives(kOk);
  second.replies(kOk);
  other.receives(kOk);
  node(1).expects("SET a 3").replies(kOk);
  client.receives(kOk);
  const Received read = node(1).expectsAny();
  CHECK(read.words() == Words{"GET", "e"});
  read.replies("$-1\r\n");
  third.receives("$-1\r\n");
  CHECK(silentLinks(*this) == 0);
}

TEST_CASE_METHOD(Stage, "as soon as a node says anything, what was held goes on, in order") {
  client.sends("GET a");
  const Received slow = node(1).expects("GET a");
  clock.advance(kSuspected);
  client.sends({"SET a 1", "SET d 2", "SET a 3"});
  node(1).expectsNothing();
  slow.replies("$5\r\nab");  // not even a whole reply
  node(1).expects("SET a 1");
  node(1).expects("SET d 2");
  node(1).expects("SET a 3");
  slow.replies("cde\r\n+OK\r\n+OK\r\n+OK\r\n");
  client.receives("$5\r\nabcde\r\n+OK\r\n+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage,
                 "when another node takes the place of a silent one, only what was sent is ambiguous") {
  client.sends({"SET a 1", "GET a"});
  node(1).expects("SET a 1");
  node(1).expects("GET a");
  clock.advance(kSuspected);
  client.sends("SET a 2");
  other.sends({"SET d 3", "GET d"});
  clock.advance(1s);
  replaceNode(1, 4);
  node(4).expects("SET d 3").replies(kOk);
  node(4).expects("GET d").replies(bulk("3"));
  other.receives(std::string(kOk) + bulk("3"));
  clock.advance(1s);
  node(4).expects("GET a").replies(bulk("0"));
  node(4).expects("SET a 2").replies(kOk);
  client.receives(std::string(kAmbiguous) + bulk("0") + std::string(kOk));
  CHECK(metrics().ambiguousWrites.value() == 1);
}

TEST_CASE_METHOD(Stage, "while a script keeps its node for long nobody gets an error") {
  client.sends("EVAL script 1 a");
  const Received script = node(1).expects("EVAL script 1 a");
  for (int second = 0; second < 10; ++second) {
    other.sends("INCR d");
    clock.advance(1s);
  }
  other.receivesNothing();
  script.replies(bulk("done"));
  client.receives(bulk("done"));
  std::string replies;
  for (int i = 1; i <= 10; ++i) {
    node(1).expects("INCR d").replies(":" + std::to_string(i) + "\r\n");
    replies += ":" + std::to_string(i) + "\r\n";
  }
  other.receives(replies);
}

TEST_CASE_METHOD(Stage, "a silent node does not concern the requests for others") {
  client.sends({"GET a", "SET b 1"});
  const Received get = node(1).expects("GET a");
  node(2).expects("SET b 1").replies(kOk);
  clock.advance(kSuspected);
  client.sends({"GET a", "SET b 2"});
  node(2).expects("SET b 2").replies(kOk);
  other.sends("GET c");
  node(3).expects("GET c").replies(bulk("c"));
  other.receives(bulk("c"));
  get.replies(bulk("1"));
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1") + std::string(kOk) + bulk("1") + std::string(kOk));
}

TEST_CASE_METHOD(Stage, "what waits for a silent node too long is told so") {
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  clock.advance(kSuspected);
  other.sends("SET d 1");
  clock.advance(15s + 100ms);
  other.receives(kNodeSilent);
  node(1).expectsNothing();
  client.receivesNothing();
  get.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a command for all nodes waits for the silent one") {
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  clock.advance(kSuspected);
  other.sends("DBSIZE");
  node(2).expects("DBSIZE").replies(":2\r\n");
  node(3).expects("DBSIZE").replies(":3\r\n");
  node(1).expectsNothing();
  get.replies(bulk("1"));
  client.receives(bulk("1"));
  node(1).expects("DBSIZE").replies(":1\r\n");
  other.receives(":6\r\n");
}

TEST_CASE_METHOD(Stage, "what ends a long script gets through to a node that is silent") {
  client.sends("EVAL script 1 a");
  const Received script = node(1).expects("EVAL script 1 a");
  clock.advance(kSuspected);
  other.sends("SCRIPT KILL");
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).expects("SCRIPT KILL").replies(number == 1 ? "+OK\r\n" : "-NOTBUSY No scripts\r\n");
  other.receives(kOk);
  script.replies("-ERR killed\r\n");
  client.receives("-ERR killed\r\n");
}

TEST_CASE_METHOD(Stage, "commands that block make nobody suspect their node") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  clock.advance(10s);
  CHECK(silentLinks(*this) == 0);
  other.sends("GET d");
  node(1).expects("GET d").replies(bulk("d"));
  other.receives(bulk("d"));
  pop.replies("*-1\r\n");
  client.receives("*-1\r\n");
}

TEST_CASE_METHOD(Stage, "what cannot be held for a silent node goes onto its link after all") {
  config.holdMaxRequests = 2;
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  clock.advance(kSuspected);
  other.sends("SET d 1");
  node(1).expectsNothing();
  other.sends({"SET d 2", "SET d 3"});
  FakeClient& third = addClient();
  third.sends("GET e");
  node(1).expects("SET d 1");
  node(1).expects("SET d 2");
  node(1).expects("SET d 3");
  const Received last = node(1).expects("GET e");
  clock.advance(kSuspected);
  CHECK(silentLinks(*this) == 0);
  last.replies(bulk("a") + "+OK\r\n+OK\r\n+OK\r\n" + bulk("e"));
  client.receives(bulk("a"));
  other.receives("+OK\r\n+OK\r\n+OK\r\n");
  third.receives(bulk("e"));
}

TEST_CASE_METHOD(Stage, "without suspicion, or without holding, a silent node gets what comes") {
  const bool holds = GENERATE(true, false);
  if (holds) {
    config.suspectAfter = 0ms;
  } else {
    config.holdTimeout = 0ms;
  }
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  clock.advance(5s);
  other.sends("GET d");
  node(1).expects("GET d");
  get.replies(bulk("1") + bulk("2"));
  client.receives(bulk("1"));
  other.receives(bulk("2"));
}

TEST_CASE_METHOD(Stage, "a node that takes a long request slowly is not silent") {
  settle();
  node(1).takesOnly(20);
  client.sends("SET a " + std::string(60, 'x'));
  for (int piece = 0; piece < 3; ++piece) {
    clock.advance(400ms);
    node(1).takesOnly(10);
    CHECK(silentLinks(*this) == 0);
  }
  node(1).takesAll();
  node(1).expectsAny().replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "links that are idle are tried now and then, and nobody notices") {
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  clock.advance(21s);
  for (std::size_t number = 1; number <= kNodes; ++number) CHECK(heartbeats(node(number)) == 4);
  metrics().forEachNode([](const telemetry::NodeMetrics& each) {
    CHECK(each.requests.value() <= 1);
    CHECK(each.inFlight.value() == 0);
    CHECK(each.errors.value() == 0);
  });
}

TEST_CASE_METHOD(Stage, "a link at work needs no heartbeat") {
  for (int second = 0; second < 10; ++second) {
    client.sends("GET a");
    node(1).expects("GET a").replies(bulk("1"));
    client.receives(bulk("1"));
    clock.advance(1s);
  }
  CHECK(heartbeats(node(1)) == 0);
  CHECK(heartbeats(node(2)) > 0);
}

TEST_CASE_METHOD(Stage, "a connection that has died while it was idle is found, and made again") {
  settle();
  node(1).answersHandshake("PING", "");
  clock.advance(6s);
  CHECK(silentLinks(*this) == 1);
  client.sends("SET a 1");
  node(1).expectsNothing();
  node(1).answersHandshake("PING", "+PONG\r\n");
  clock.advance(10s);
  CHECK(node(1).connects() > 1);
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "a heartbeat that is refused is an answer, too") {
  settle();
  node(1).answersHandshake("PING", "-BUSY Redis is busy running a script\r\n");
  clock.advance(1min);
  CHECK(node(1).connects() == 1);
  CHECK(silentLinks(*this) == 0);
}

TEST_CASE_METHOD(Stage, "a dead node costs few attempts, however many wait for it or want leases") {
  settle();
  node(1).refusesConnections();
  node(1).resets();
  const std::size_t before = node(1).connects();
  std::vector<FakeClient*> waiting;
  for (int i = 0; i < 30; ++i) {
    waiting.push_back(&addClient());
    waiting.back()->sends(i % 3 == 0 ? "BLPOP a 5" : i % 3 == 1 ? "WATCH a" : "GET a");
  }
  clock.advance(10s);
  CHECK(node(1).connects() - before <= 15);
  node(1).acceptsConnections();
  clock.advance(2s);
  for (int i = 0; i < 20; ++i) {
    const Received request = node(1).expectsAny();
    request.replies(request.words().front() == "GET" ? "$-1\r\n" : "+OK\r\n");
  }
  for (int i = 0; i < 30; ++i)
    waiting[static_cast<std::size_t>(i)]->receives(i % 3 == 0   ? "*-1\r\n"
                                                   : i % 3 == 1 ? "+OK\r\n"
                                                                : "$-1\r\n");
}

}  // namespace slotless::test
