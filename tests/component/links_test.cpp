// Links to nodes: made ahead of need, handshake, time-outs, pauses between attempts, retirement.
#include <algorithm>

#include "stage.h"

namespace slotless::test {

namespace {

using Texts = std::vector<std::string>;

// When, from now on, the node's next `count` connections are begun.
std::vector<net::Millis> connectTimes(Stage& stage, FakeNode& node, std::size_t count) {
  std::vector<net::Millis> times;
  const net::TimePoint begin = stage.loop.now();
  std::size_t seen = node.connects();
  while (times.size() < count) {
    stage.clock.advance(1ms);
    if (node.connects() == seen) continue;
    seen = node.connects();
    times.push_back(std::chrono::duration_cast<net::Millis>(stage.loop.now() - begin));
  }
  return times;
}

}  // namespace

TEST_CASE_METHOD(Stage, "one link to each master is made before anybody needs it, and kept for a while") {
  settle();
  for (std::size_t i = 1; i <= kNodes; ++i) CHECK(node(i).connects() == 1);
  clock.advance(4min);
  CHECK(loop.connectCalls() == kNodes);
  CHECK(loop.openConnections().size() == kNodes);
}

TEST_CASE_METHOD(Stage, "a link says PING, its name and NO-EVICT first") {
  settle();
  CHECK(node(1).handshakes() == Texts{"PING", "CLIENT SETNAME slotless", "CLIENT NO-EVICT on", "CLIENT ID"});
}

TEST_CASE_METHOD(Stage, "a link logs in first if there is a password") {
  config.password = "secret";
  settle();
  CHECK(node(1).handshakes().front() == "AUTH secret");
}

TEST_CASE_METHOD(Stage, "a link logs in as the configured user and has no name if none is configured") {
  config.username = "proxy";
  config.password = "secret";
  config.linkClientName = "";
  settle();
  CHECK(node(1).handshakes() == Texts{"AUTH proxy secret", "PING", "CLIENT NO-EVICT on", "CLIENT ID"});
}

TEST_CASE_METHOD(Stage, "a node that knows no CLIENT commands serves nevertheless") {
  node(1).answersHandshake("CLIENT", "-NOPERM this user has no permissions\r\n");
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a node that loads its data gets a link all the same") {
  node(1).answersHandshake("PING", "-LOADING Redis is loading the dataset in memory\r\n");
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a node that refuses the password gets no requests") {
  config.password = "secret";
  config.clientAuth = config::ClientAuth::None;
  node(1).answersHandshake("AUTH", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  client.sends("GET a");
  clock.advance(5s);
  node(1).expectsNothing();
  node(1).answersHandshake("AUTH", "+OK\r\n");
  clock.advance(3s);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a node that wants a password where none is configured gets no requests") {
  node(1).answersHandshake("PING", "-NOAUTH Authentication required.\r\n");
  client.sends("GET a");
  clock.advance(16s);
  client.receives(kNoMaster);
}

TEST_CASE_METHOD(Stage, "requests wait until the handshake is over") {
  node(1).answersHandshake("CLIENT", "");
  client.sends("GET a");
  node(1).expectsNothing();
  node(1).pushes("+OK\r\n+O");
  node(1).expectsNothing();
  node(1).pushes("K\r\n");
  node(1).expectsNothing();
  node(1).pushes(":7\r\n");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a lost link is made again at once") {
  settle();
  node(1).resets();
  CHECK(node(1).connects() == 2);
  CHECK(node(1).connected());
}

TEST_CASE_METHOD(Stage, "the pauses between attempts double up to the longest, each with jitter downwards") {
  node(1).refusesConnections();
  settle();
  const std::vector<net::Millis> times = connectTimes(*this, node(1), 14);
  net::Millis before{0};
  net::Millis full = config.reconnectBackoffMin;
  std::vector<net::Millis> longest;
  for (const net::Millis time : times) {
    const net::Millis pause = time - before;
    CHECK(pause >= full / 2);
    CHECK(pause <= full);
    if (full == config.reconnectBackoffMax) longest.push_back(pause);
    before = time;
    full = std::min(full * 2, config.reconnectBackoffMax);
  }
  REQUIRE(longest.size() > 3);
  CHECK(std::adjacent_find(longest.begin(), longest.end(), std::not_equal_to<>()) != longest.end());
}

TEST_CASE_METHOD(Stage, "the pauses begin anew after a link that stood") {
  node(1).refusesConnections();
  settle();
  connectTimes(*this, node(1), 10);
  node(1).acceptsConnections();
  connectTimes(*this, node(1), 1);
  CHECK(node(1).connected());
  node(1).refusesConnections();
  node(1).resets();
  CHECK(connectTimes(*this, node(1), 1).front() <= 4 * config.reconnectBackoffMin);
}

TEST_CASE_METHOD(Stage, "an address that cannot even be tried is tried again later") {
  loop.refuseAtOnce(node(1).address(), ENETUNREACH);
  client.sends("GET a");
  clock.advance(1s);
  CHECK(node(1).connects() == 0);
  CHECK(loop.connectCalls() > kNodes);
  loop.refuseAtOnce(node(1).address(), 0);
  clock.advance(3s);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a connection that is not made in time is given up and tried again") {
  node(1).ignoresConnections();
  client.sends("GET a");
  clock.advance(1'900ms);
  CHECK(node(1).connects() == 1);
  const auto attempts = loop.openConnections();
  CHECK(attempts.size() == kNodes);
  node(1).acceptsConnections();
  clock.advance(200ms);
  CHECK(std::count_if(attempts.begin(), attempts.end(), [](const auto& each) { return each->closed(); }) ==
        1);
  CHECK(node(1).connects() == 2);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "the time to connect includes the handshake") {
  node(1).answersHandshake("PING", "");
  settle();
  clock.advance(1'900ms);
  CHECK(node(1).connected());
  clock.advance(100ms);
  CHECK_FALSE(node(1).connected());
}

TEST_CASE_METHOD(Stage,
                 "a node that answers the handshake with garbage, or with too much, gets no requests") {
  for (const std::string_view answer : {"hello\r\n", "+PONG\r\n+OK\r\n+OK\r\n:7\r\n+OK\r\n"}) {
    Stage stage;
    stage.node(1).answersHandshake("CLIENT", "");
    stage.node(1).answersHandshake("PING", std::string(answer));
    stage.settle();
    stage.clock.advance(1s);
    CHECK(stage.node(1).connects() > 2);
    CHECK_FALSE(stage.node(1).connected());
  }
}

TEST_CASE_METHOD(Stage, "a node that is known by name is resolved, and its addresses are tried in turn") {
  loop.setResolution("redis-4", {{"10.9.9.9", "10.0.0.1"}, {}});
  addNode(4, "redis-4");
  client.sends("GET a");
  node(1).expects("GET a").replies("-MOVED 15495 redis-4:7004\r\n");
  CHECK(node(4).connects() == 0);
  clock.advance(2'100ms);
  CHECK(node(4).connects() == 1);
  node(4).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a name that cannot be resolved is asked for again") {
  addNode(4, "redis-4");
  clock.advance(1s);
  CHECK(node(4).connects() == 0);
  loop.setResolution("redis-4", {{"10.0.0.1"}, {}});
  clock.advance(3s);
  CHECK(node(4).connected());
}

TEST_CASE_METHOD(
    Stage, "a name whose look-up takes too long counts as not connected, and its late answer is ignored") {
  loop.setResolution("redis-4", {{"10.0.0.1"}, {}});
  loop.stallResolving(true);
  addNode(4, "redis-4");
  clock.advance(2s);
  loop.stallResolving(false);
  settle();
  CHECK(node(4).connects() == 0);
  clock.advance(100ms);
  CHECK(node(4).connects() == 1);
}

TEST_CASE_METHOD(Stage, "a link to a node that has left goes on until its last reply has come") {
  client.sends({"GET a", "GET d"});
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  replaceNode(1, 4);
  CHECK(node(1).connected());
  a.replies(bulk("1"));
  CHECK(node(1).connected());
  a.replies(bulk("2"));
  CHECK_FALSE(node(1).connected());
  client.receives(bulk("1") + bulk("2"));
  client.sends("GET a");
  node(4).expects("GET a").replies(bulk("3"));
  client.receives(bulk("3"));
}

TEST_CASE_METHOD(Stage, "a lost link to a node that has left is not made again") {
  client.sends({"GET a", "SET d 1"});
  node(1).expects("GET a");
  node(1).expects("SET d 1");
  replaceNode(1, 4);
  node(1).resets();
  node(4).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1") + std::string(kAmbiguous));
  clock.advance(1min);
  CHECK(node(1).connects() == 1);
}

TEST_CASE_METHOD(Stage, "a node that comes back has a new link, apart from the one that still drains") {
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  replaceNode(1, 4);
  replaceNode(4, 1);
  CHECK(node(1).connects() == 2);
  other.sends("GET d");
  node(1).expects("GET d").replies(bulk("d"));
  other.receives(bulk("d"));
  a.replies(bulk("a"));
  client.receives(bulk("a"));
}

TEST_CASE_METHOD(Stage, "without a reply timeout a node may take its time") {
  client.sends("SET a 1");
  const Received a = node(1).expects("SET a 1");
  node(1).ignoresConnections();  // it is busy
  clock.advance(1h);
  client.receivesNothing();
  a.replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage,
                 "after the reply timeout only the request whose turn it is fails, and the link stays") {
  config.replyTimeout = 1s;
  settle();
  client.sends("EVAL script 1 a");
  const Received script = node(1).expects("EVAL script 1 a");
  node(1).ignoresConnections();  // it is busy
  other.sends({"SET d 1", "GET d"});
  node(1).expects("SET d 1");
  node(1).expects("GET d");
  clock.advance(900ms);
  client.receivesNothing();
  clock.advance(200ms);
  client.receives(
      "-AMBIGUOUS The node did not answer in time (reply-timeout): the command may or may not have been "
      "carried out\r\n");
  CHECK(metrics().ambiguousWrites.value() == 1);
  clock.advance(10s);
  other.receivesNothing();
  // From here on it counts for the next one.
  script.replies(bulk("script") + "+OK\r\n");
  other.receives(kOk);
  client.receivesNothing();
  clock.advance(900ms);
  other.receivesNothing();
  clock.advance(200ms);
  other.receives("-ERR The node did not answer in time (reply-timeout)\r\n");
  script.replies(bulk("late"));
  other.receivesNothing();
  CHECK(node(1).unexpected() == 0);
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == &script.connection());
  get.replies(bulk("a"));
  client.receives(bulk("a"));
}

TEST_CASE_METHOD(Stage, "a late reply that has begun closes its client, and nobody else gets the rest") {
  config.replyTimeout = 1s;
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  other.sends("GET d");
  node(1).expects("GET d");
  get.replies("$10\r\n12345");
  client.receives("$10\r\n12345");
  clock.advance(1100ms);
  CHECK(client.isClosed());
  get.replies("67890\r\n" + bulk("d"));
  other.receives(bulk("d"));
}

TEST_CASE_METHOD(Stage, "a request that the node does not even take in time goes over another link") {
  config.replyTimeout = 1s;
  settle();
  node(1).takesOnly(10);
  client.sends("SET a 1");
  clock.advance(1100ms);
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "the reply timeout leaves a link alone that makes progress, or is idle") {
  config.replyTimeout = 1s;
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  std::string reply = "$5\r\nabcde\r\n";
  for (const char byte : reply) {
    clock.advance(900ms);
    a.replies(std::string(1, byte));
  }
  client.receives(reply);
  clock.advance(1min);
  CHECK(node(1).connects() == 1);
  client.sends("GET a");
  clock.advance(900ms);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a link that takes bytes slowly gets each of them once, in order") {
  settle();
  node(1).connection().setWriteChunk(7);
  node(1).takesOnly(20);
  client.sends({"SET a 1", "SET d 2"});
  CHECK(node(1).connection().watchesWritable());
  node(1).takesOnly(10);
  node(1).expects("SET a 1");
  node(1).takesAll();
  node(1).expects("SET d 2").replies("+OK\r\n+OK\r\n");
  client.receives("+OK\r\n+OK\r\n");
  CHECK_FALSE(node(1).connection().watchesWritable());
}

}  // namespace slotless::test
