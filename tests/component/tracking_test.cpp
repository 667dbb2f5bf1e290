// CLIENT TRACKING: on leases of the client's own to all masters, which push what has changed.
#include <array>

#include "batch.h"

namespace slotless::test {

namespace {
constexpr std::string_view kOn = "CLIENT TRACKING ON";

struct Tracked : Stage {
  Tracked() {
    for (std::size_t i = 1; i <= kNodes + 1; ++i) node(i).answersHandshake("HELLO", "%1\r\n+proto\r\n:3\r\n");
  }
  void hello(FakeClient& who) {
    who.sends("HELLO 3");
    who.takes();
  }
  // The node is asked, and confirms; the lease's connection.
  FakeConnection& confirms(std::size_t number, std::string_view command = kOn) {
    const Received asked = node(number).expects(command);
    asked.replies(kOk);
    leases[number] = &asked.connection();
    return asked.connection();
  }
  void track(std::string_view command = kOn) {
    hello(client);
    client.sends(command);
    for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, command);
    client.receives(kOk);
    CHECK(metrics().trackingLeases.value() == static_cast<std::int64_t>(kNodes));
  }
  void pushes(std::size_t number, std::string_view bytes) {
    leases.at(number)->push(bytes);
    settle();
  }
  // A read of the tracking client, answered.
  void reads(std::string_view key, std::size_t number) {
    client.sends("GET " + std::string(key));
    const Received get = node(number).expects("GET " + std::string(key));
    CHECK(&get.connection() == leases.at(number));
    get.replies(bulk("1"));
    client.receives(bulk("1"));
  }
  // All that the client has got consists of the flushes it should get.
  void isFlushed(std::size_t times = 1) {
    std::string flushes;
    for (std::size_t i = 0; i < times; ++i) flushes += kFlush;
    client.receives(flushes);
  }
  std::array<FakeConnection*, kNodes + 2> leases{};
};
}  // namespace

TEST_CASE_METHOD(Tracked, "tracking: every master confirms before the client hears OK") {
  hello(client);
  client.sends({"SET a 0", "CLIENT TRACKING ON", "GET a"});
  const Received set = node(1).expects("SET a 0");
  node(2).expectsNothing();
  set.replies(kOk);
  client.receives(kOk);
  confirms(1);
  confirms(2);
  client.receivesNothing();
  node(1).expectsNothing();
  confirms(3);
  client.receives(kOk);
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == leases[1]);
  CHECK(&get.connection() != &set.connection());
  get.replies(bulk("0"));
  client.receives(bulk("0"));
  CHECK(metrics().trackingClients.value() == 1);
}

TEST_CASE_METHOD(Tracked, "tracking: what the first masters push comes behind the OK that the others owe") {
  const std::string command = "CLIENT TRACKING ON BCAST PREFIX a";
  hello(client);
  client.sends(command);
  confirms(1, command);
  pushes(1, invalidation("a1"));
  client.receivesNothing();
  for (const std::size_t i : {2U, 3U}) confirms(i, command);
  client.receives(std::string(kOk) + invalidation("a1"));
}

TEST_CASE_METHOD(Tracked, "tracking: what the client sends goes by its leases, reads and writes and all") {
  track();
  client.sends({"GET a", "SET b 1", "MGET c a", "DBSIZE", "PUBLISH ch m"});
  const Received a = node(1).expects("GET a");
  const Received b = node(2).expects("SET b 1");
  const Received mgetC = node(3).expects("MGET c");
  const Received mgetA = node(1).expects("MGET a");
  CHECK(&a.connection() == leases[1]);
  CHECK(&b.connection() == leases[2]);
  CHECK(&mgetC.connection() == leases[3]);
  CHECK(&mgetA.connection() == leases[1]);
  a.replies("_\r\n");
  b.replies(kOk);
  mgetC.replies("*1\r\n_\r\n");
  mgetA.replies("*1\r\n_\r\n");
  client.receives("_\r\n+OK\r\n*2\r\n_\r\n_\r\n");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received size = node(i).expects("DBSIZE");
    CHECK(&size.connection() == leases[i]);
    size.replies(":1\r\n");
  }
  client.receives(":3\r\n");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    if (node(i).unexpected() > 0) node(i).expects("PUBLISH ch m").replies(":0\r\n");
  }
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Tracked, "tracking: an invalidation reaches the client, busy or idle") {
  track();
  reads("a", 1);
  pushes(1, invalidation("a"));
  client.receives(invalidation("a"));
  client.sends("GET b");
  const Received get = node(2).expects("GET b");
  pushes(1, invalidation("d"));
  client.receives(invalidation("d"));
  get.replies("$10\r\n01234");
  pushes(1, invalidation("e"));
  client.receives("$10\r\n01234");  // not in the middle of a reply
  get.replies("56789\r\n");
  client.receives("56789\r\n" + invalidation("e"));
  CHECK(metrics().invalidations.value() == 3);
}

TEST_CASE_METHOD(Tracked, "tracking: an invalidation stays behind the reply that it voids") {
  track();
  client.sends({"GET b", "GET a"});
  const Received b = node(2).expects("GET b");
  node(1).expects("GET a").replies(bulk("old") + invalidation("a"));
  client.receivesNothing();
  pushes(1, invalidation("d"));
  client.receivesNothing();
  b.replies(bulk("b"));
  client.receives(bulk("b") + bulk("old") + invalidation("a") + invalidation("d"));
}

TEST_CASE_METHOD(Tracked, "tracking: an invalidation stays behind a reply that is made of several") {
  track();
  client.sends("MGET a b");
  const Received a = node(1).expects("MGET a");
  const Received b = node(2).expects("MGET b");
  a.replies("*1\r\n" + bulk("old") + invalidation("a"));
  client.receivesNothing();
  b.replies("*1\r\n_\r\n");
  client.receives("*2\r\n" + bulk("old") + "_\r\n" + invalidation("a"));
}

TEST_CASE_METHOD(Tracked, "tracking: CLIENT REPLY OFF does not keep invalidations back") {
  track();
  client.sends({"CLIENT REPLY OFF", "GET a"});
  node(1).expects("GET a").replies(bulk("1"));
  pushes(1, invalidation("a"));
  client.receives(invalidation("a"));
}

TEST_CASE_METHOD(Tracked, "tracking: a flush of all masters reaches the client once") {
  track();
  for (int i = 0; i < 2; ++i) {
    pushes(1, kFlush);
    client.receivesNothing();
    pushes(2, kFlush);
    pushes(3, kFlush);
    isFlushed();
    clock.advance(1s);
    client.receivesNothing();
  }
}

TEST_CASE_METHOD(Tracked, "tracking: a flush of one master alone is passed on soon") {
  track();
  pushes(2, kFlush);
  clock.advance(100ms);
  isFlushed();
  clock.advance(1s);
  client.receivesNothing();
}

TEST_CASE_METHOD(Tracked, "tracking: a lost lease voids what was cached, and another one is made") {
  track();
  reads("a", 1);
  FakeConnection* before = leases[1];
  leases[1]->reset();
  settle();
  isFlushed();
  client.sends("GET a");
  node(1).expectsNothing();  // not before the node remembers its keys
  clock.advance(100ms);
  confirms(1);
  CHECK(leases[1] != before);
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == leases[1]);
  get.replies(bulk("2"));
  client.receives(bulk("2"));
  CHECK(metrics().trackingLeases.value() == 3);
}

TEST_CASE_METHOD(Tracked, "tracking: a write that was sent on a lost lease is ambiguous, as on any link") {
  track();
  client.sends({"SET a 1", "GET d"});
  node(1).expects("SET a 1");
  node(1).expects("GET d");
  leases[1]->reset();
  settle();
  client.receives(std::string(kAmbiguous) + std::string(kFlush));
  clock.advance(100ms);
  confirms(1);
  node(1).expects("GET d").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Tracked,
                 "tracking: with BCAST a lease that is back voids what was read by others meanwhile") {
  track("CLIENT TRACKING ON BCAST PREFIX x");
  leases[1]->reset();
  settle();
  isFlushed();
  clock.advance(100ms);
  confirms(1, "CLIENT TRACKING ON BCAST PREFIX x");
  isFlushed();
}

TEST_CASE_METHOD(Tracked, "tracking: a slot that moves voids what was cached") {
  track();
  giveSlot("a", 2);
  isFlushed();
  reads("a", 2);
  CHECK(node(1).connected());
}

TEST_CASE_METHOD(Tracked, "tracking: a master that joins gets a lease, one that leaves loses it") {
  track();
  addNode(4);
  node(4).expectsNothing();  // it has no slots
  giveSlot("a", 4);
  confirms(4);
  isFlushed();
  reads("a", 4);
  CHECK(metrics().trackingLeases.value() == 4);
  replaceNode(4, 1);
  isFlushed();
  clock.advance(100ms);
  CHECK(leases[4]->closed());
  CHECK(metrics().trackingLeases.value() == 3);
  reads("a", 1);
}

TEST_CASE_METHOD(Tracked, "tracking: what is read at last of a master that leaves is void when it is gone") {
  track();
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  replaceNode(1, 4);
  isFlushed();
  confirms(4);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
  clock.advance(100ms);
  isFlushed();
  CHECK(leases[1]->closed());
}

TEST_CASE_METHOD(Tracked, "tracking: a redirected read goes by the lease of the node that has the key") {
  track();
  client.sends("GET a");
  node(1).expects("GET a").replies(moved("a", 2));
  const Received there = node(2).expects("GET a");
  CHECK(&there.connection() == leases[2]);
  there.replies(bulk("1"));
  client.receives(bulk("1"));
  client.sends("GET a");
  node(1).expects("GET a").replies(ask("a", 3));
  const Received asked = node(3).expectsAsking("GET a");
  CHECK(&asked.connection() == leases[3]);
  asked.replies(bulk("2"));
  client.receives(bulk("2"));
}

TEST_CASE_METHOD(Tracked, "tracking: a master that does not confirm in time is left for later") {
  node(3).refusesConnections();
  hello(client);
  client.sends(kOn);
  confirms(1);
  confirms(2);
  clock.advance(3s);
  client.receives(kOk);
  client.sends("GET c");
  node(3).acceptsConnections();
  clock.advance(3s);
  confirms(3);
  const Received get = node(3).expects("GET c");
  CHECK(&get.connection() == leases[3]);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Tracked, "tracking: without any master it is refused at the hold timeout") {
  hello(client);
  settle();
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).ignoresConnections();
  client.sends(kOn);
  clock.advance(20s);
  client.receives("-CLUSTERDOWN No master could be reached in time\r\n");
  CHECK(metrics().trackingClients.value() == 0);
  client.sends("GET a");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).acceptsConnections();
  clock.advance(5s);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Tracked, "tracking: a node's refusal is the client's reply") {
  hello(client);
  client.sends(kOn);
  node(1).expects(kOn).replies("-NOPERM no\r\n");
  confirms(2);
  confirms(3);
  client.receives("-NOPERM no\r\n");
  clock.advance(100ms);
  CHECK(metrics().trackingLeases.value() == 0);
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() != leases[1]);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Tracked,
                 "tracking: the budget holds for all clients, and a client gets all leases or none") {
  config.leaseMaxTracking = 5;
  track();
  hello(other);
  other.sends(kOn);
  clock.advance(1s);
  CHECK(metrics().trackingLeases.value() == 3);
  client.sends("CLIENT TRACKING OFF");
  client.receives(kOk);
  clock.advance(100ms);
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
  other.receives(kOk);
  client.sends(kOn);
  clock.advance(20s);
  client.receives(
      "-ERR max number of leased connections reached (lease-max-blocking, lease-max-tracking, "
      "lease-max-transactions)\r\n");
  CHECK(limitHits(telemetry::Limit::Leases) == 1);
}

TEST_CASE_METHOD(Tracked, "tracking: OFF, RESET, HELLO 2 and QUIT end it, and close the leases") {
  for (const std::string_view end : {"CLIENT TRACKING OFF", "RESET", "HELLO 2", "QUIT"}) {
    INFO(end);
    Tracked stage;
    stage.track();
    stage.reads("a", 1);
    stage.client.sends(end);
    stage.client.takes();
    stage.clock.advance(100ms);
    for (std::size_t i = 1; i <= kNodes; ++i) CHECK(stage.leases.at(i)->closed());
    CHECK(stage.metrics().trackingLeases.value() == 0);
    if (end == "QUIT") continue;
    stage.client.sends("GET a");
    stage.node(1).expects("GET a").replies(bulk("1"));
    stage.client.receives(bulk("1"));
  }
}

TEST_CASE_METHOD(Tracked, "tracking: a client that leaves while nodes are asked leaves nothing") {
  hello(client);
  client.sends(kOn);
  const Received asked = node(1).expects(kOn);
  client.resets();
  CHECK(metrics().trackingLeases.value() == 0);
  CHECK(asked.connection().closed());
  node(2).expects(kOn);
  node(3).expects(kOn);
}

TEST_CASE_METHOD(Tracked, "tracking: in RESP2 it is on, as in Redis, but nothing is pushed before HELLO 3") {
  client.sends({"CLIENT TRACKING ON OPTIN", "GET a", "CLIENT GETREDIR"});
  node(1).expects("GET a").replies(bulk("1"));
  client.receives("+OK\r\n" + bulk("1") + ":0\r\n");
  CHECK(metrics().trackingClients.value() == 1);
  CHECK(metrics().trackingLeases.value() == 0);
  hello(client);
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, "CLIENT TRACKING ON OPTIN");
  isFlushed();  // what was read before is remembered by nobody
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == leases[1]);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Tracked, "tracking: other options are told to all masters, prefixes add up") {
  track("CLIENT TRACKING ON BCAST PREFIX x");
  client.sends("CLIENT TRACKING ON BCAST NOLOOP PREFIX y");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    CHECK(&confirms(i, "CLIENT TRACKING ON BCAST NOLOOP PREFIX y") == leases[i]);
  }
  client.receives(kOk);
  client.sends("CLIENT TRACKING ON BCAST");
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, "CLIENT TRACKING ON BCAST");
  client.receives(kOk);
  client.sends("CLIENT TRACKINGINFO");
  client.receives(
      "%3\r\n$5\r\nflags\r\n~2\r\n$2\r\non\r\n$5\r\nbcast\r\n$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*"
      "3\r\n" +
      bulk("") + bulk("x") + bulk("y"));
  // The empty prefix, which overlaps with all, is a command of its own.
  leases[2]->reset();
  settle();
  isFlushed();
  clock.advance(100ms);
  const Received named = node(2).expects("CLIENT TRACKING ON BCAST PREFIX x PREFIX y");
  const Received all = node(2).expects("CLIENT TRACKING ON BCAST");
  all.replies("+OK\r\n+OK\r\n");
  leases[2] = &all.connection();
  isFlushed();
}

TEST_CASE_METHOD(Tracked, "tracking: CLIENT CACHING goes right in front of the next command, on its lease") {
  track("CLIENT TRACKING ON OPTIN");
  client.sends({"CLIENT CACHING YES", "CLIENT GETNAME", "MGET a b", "GET a"});
  for (std::size_t i = 1; i <= 2; ++i) {
    const Received caching = node(i).expects("CLIENT CACHING YES");
    const Received mget = node(i).expects(i == 1 ? "MGET a" : "MGET b");
    CHECK(&caching.connection() == leases[i]);
    CHECK(&mget.connection() == leases[i]);
    mget.replies("+OK\r\n*1\r\n_\r\n");
  }
  const Received plain = node(1).expects("GET a");
  plain.replies("_\r\n");
  client.receives("+OK\r\n_\r\n*2\r\n_\r\n_\r\n_\r\n");
}

TEST_CASE_METHOD(Tracked, "tracking: CLIENT CACHING NO is for OPTOUT") {
  track("CLIENT TRACKING ON OPTOUT");
  client.sends({"CLIENT CACHING YES", "CLIENT CACHING NO", "GET a"});
  node(1).expects("CLIENT CACHING NO");
  node(1).expects("GET a").replies("+OK\r\n_\r\n");
  client.receives(
      "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.\r\n+OK\r\n_\r\n");
}

TEST_CASE_METHOD(Tracked, "tracking: CLIENT CACHING counts for a whole transaction, and inside of one") {
  track("CLIENT TRACKING ON OPTIN");
  client.sends({"CLIENT CACHING YES", "MULTI", "GET a", "EXEC", "GET a"});
  const Received caching = node(1).expects("CLIENT CACHING YES");
  CHECK(&caching.connection() == leases[1]);
  node(1).expects("MULTI");
  node(1).expects("GET a");
  node(1).expects("EXEC").replies("+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n_\r\n");
  node(1).expects("GET a").replies("_\r\n");
  client.receives("+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n_\r\n_\r\n");
  client.sends({"MULTI", "CLIENT CACHING YES", "GET a", "EXEC"});
  Batch(node(1), {"CLIENT CACHING YES", "GET a"}).replies("*2\r\n+OK\r\n_\r\n");
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n_\r\n");
}

TEST_CASE_METHOD(Tracked, "tracking: a retried command takes CLIENT CACHING with it") {
  track("CLIENT TRACKING ON OPTIN");
  client.sends({"CLIENT CACHING YES", "GET a"});
  client.receives(kOk);
  node(1).expects("CLIENT CACHING YES");
  node(1).expects("GET a").replies("+OK\r\n" + moved("a", 2));
  node(2).expects("CLIENT CACHING YES");
  node(2).expects("GET a").replies("+OK\r\n" + bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Tracked, "tracking: what ASKING keeps from being remembered counts as changed at once") {
  track("CLIENT TRACKING ON OPTIN");
  client.sends({"CLIENT CACHING YES", "GET a"});
  client.receives(kOk);
  node(1).expects("CLIENT CACHING YES");
  node(1).expects("GET a").replies("+OK\r\n" + ask("a", 2));
  node(2).expectsAsking("GET a").replies(bulk("1"));
  client.receives(bulk("1") + invalidation("a"));
}

TEST_CASE_METHOD(Tracked, "tracking: CLIENT CACHING stays with a script that has to be loaded first") {
  track("CLIENT TRACKING ON OPTIN");
  client.sends("EVAL x 1 a");
  node(1).expects("EVAL x 1 a").replies(":1\r\n");
  client.receives(":1\r\n");
  const std::string sha = "11f6ad8ec52a2984abaafd7c3b516503785c2072";
  const std::string evalSha = "EVALSHA " + sha + " 1 a";
  const auto loads = [&] {
    node(1).expects("SCRIPT LOAD x");
    node(1).expects("CLIENT CACHING YES");
    node(1).expects(evalSha).replies(bulk(sha) + "+OK\r\n:1\r\n");
    client.receives(":1\r\n");
  };
  client.sends({"CLIENT CACHING YES", evalSha});
  client.receives(kOk);
  loads();
  client.sends({"CLIENT CACHING YES", evalSha});
  client.receives(kOk);
  node(1).expects("CLIENT CACHING YES");
  node(1).expects(evalSha).replies("+OK\r\n-NOSCRIPT No matching script. Please use EVAL.\r\n");
  loads();
}

TEST_CASE_METHOD(Tracked, "tracking: a watch is on the tracking lease, and leaves it clean") {
  track();
  client.sends("WATCH a");
  const Received watch = node(1).expects("WATCH a");
  CHECK(&watch.connection() == leases[1]);
  watch.replies(kOk);
  client.receives(kOk);
  reads("a", 1);
  reads("b", 2);
  client.sends({"MULTI", "SET a 1", "EXEC", "GET d"});
  const Batch batch(node(1), {"SET a 1"});
  CHECK(&batch.connection() == leases[1]);
  batch.replies("*1\r\n+OK\r\n");
  const Received get = node(1).expects("GET d");
  CHECK(&get.connection() == leases[1]);
  get.replies("_\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n_\r\n");
  CHECK(metrics().transactionLeases.value() == 0);
  CHECK(metrics().trackingLeases.value() == 3);
}

TEST_CASE_METHOD(Tracked, "tracking: a watch that ends without EXEC is taken off the lease") {
  track();
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.sends({"MULTI", "NOPE", "EXEC"});
  client.takes();
  const Received unwatch = node(1).expects("UNWATCH");
  CHECK(&unwatch.connection() == leases[1]);
  unwatch.replies(kOk);
  reads("a", 1);
}

TEST_CASE_METHOD(Tracked, "tracking: a watch on a lost lease makes EXEC answer nil") {
  track();
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  leases[1]->reset();
  settle();
  isFlushed();
  clock.advance(100ms);
  confirms(1);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n_\r\n");
}

TEST_CASE_METHOD(Tracked, "tracking: turned on within a watch, it breaks the watch") {
  hello(client);
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  client.sends(kOn);
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
  client.receives(kOk);
  CHECK(metrics().transactionLeases.value() == 0);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n_\r\n");
}

TEST_CASE_METHOD(Tracked, "tracking: a blocked client gets its invalidations, and goes on with its lease") {
  track();
  client.sends({"BLPOP a 0", "GET a"});
  const Received pop = node(1).expects("BLPOP a 0");
  CHECK(&pop.connection() == leases[1]);
  CHECK(metrics().blockedClients.value() == 1);
  pushes(2, invalidation("b"));
  pushes(1, invalidation("d"));
  client.receives(invalidation("b") + invalidation("d"));
  pop.replies("*2\r\n" + bulk("a") + bulk("1"));
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == leases[1]);
  get.replies("_\r\n");
  client.receives("*2\r\n" + bulk("a") + bulk("1") + "_\r\n");
  CHECK(metrics().blockingLeases.value() == 0);
}

TEST_CASE_METHOD(Tracked, "tracking: a client that leaves blocked frees its leases at once") {
  track();
  client.sends("BLPOP a 0");
  node(1).expects("BLPOP a 0");
  client.leaves();
  for (std::size_t i = 1; i <= kNodes; ++i) CHECK(leases.at(i)->closed());
  CHECK(metrics().trackingLeases.value() == 0);
}

TEST_CASE_METHOD(Tracked, "tracking: inside MULTI it is refused, CLIENT TRACKINGINFO is not") {
  hello(client);
  client.sends({"MULTI", "CLIENT TRACKING ON", "EXEC"});
  const std::string error = "-ERR Command not allowed inside a transaction\r\n";
  client.receives("+OK\r\n" + error + aborted(error));
}

TEST_CASE_METHOD(Tracked, "tracking: PING is answered behind what the masters have pushed before") {
  track();
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).answersHandshake("PING", "");  // the test answers
  client.sends({"PING", "PING x"});
  for (std::size_t i = 1; i <= 2; ++i) {
    CHECK(node(i).handshakes().back() == "PING");
    pushes(i, invalidation("k" + std::to_string(i)) + "+PONG\r\n+PONG\r\n");
  }
  client.receives(invalidation("k1") + invalidation("k2"));
  leases[3]->reset();
  settle();
  client.receives("+PONG\r\n" + bulk("x") + std::string(kFlush));
  node(3).answersHandshake("PING", "+PONG\r\n");
  clock.advance(100ms);
  confirms(3);
  client.sends({"MULTI", "PING", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
}

TEST_CASE_METHOD(Tracked, "tracking: a client that leaves behind a PING leaves nothing") {
  track();
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).answersHandshake("PING", "");
  client.sends("PING");
  client.receivesNothing();
  client.resets();
  CHECK(metrics().trackingLeases.value() == 0);
}

TEST_CASE_METHOD(Tracked, "tracking: turned off and on again, it tells nothing of what was read before") {
  track();
  reads("a", 1);
  const auto before = leases;
  client.sends({"CLIENT TRACKING OFF", "CLIENT TRACKING ON BCAST"});
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, "CLIENT TRACKING ON BCAST");
  client.receives("+OK\r\n+OK\r\n");
  before[1]->push(invalidation("a"));
  settle();
  client.receivesNothing();
}

TEST_CASE_METHOD(
    Tracked, "tracking: leases that are closed together, of which one has read at last, are told of once") {
  track();
  client.sends("GET c");
  const Received get = node(3).expects("GET c");
  CHECK(&get.connection() == leases[3]);
  // The first one and the last one are not wanted any more; the one between them stays.
  replaceNode(1, 2);
  replaceNode(3, 2);
  get.replies(bulk("1"));
  clock.advance(2s);
  const std::string told = client.takes();
  const std::size_t reply = told.find(bulk("1"));
  REQUIRE(reply != std::string::npos);
  CHECK(told.find(kFlush, reply) != std::string::npos);
  CHECK(metrics().trackingLeases.value() == 1);
}

TEST_CASE_METHOD(Tracked, "tracking: CLIENT INFO and PROXY LINKS show it") {
  track("CLIENT TRACKING ON BCAST");
  client.sends("CLIENT INFO");
  const std::string info = client.takes();
  CHECK(info.find(" flags=tB ") != std::string::npos);
  CHECK(info.find(" redir=0 ") != std::string::npos);
  client.sends("PROXY LINKS");
  CHECK(client.takes().find("use=tracking-lease resp=3 state=ready") != std::string::npos);
}

TEST_CASE_METHOD(Tracked,
                 "tracking: a client that does not read its invalidations is closed at the hard limit") {
  config.clientOutputHardLimit = 64 * 1024;
  track();
  client.stopsReading();
  const std::string push = invalidation(std::string(20'000, 'k'));
  for (int i = 0; i < 5; ++i) pushes(1, push);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Tracked, "tracking: reads do not go to replicas") {
  config.readFrom = config::ReadFrom::PreferReplica;
  addReplica(4, 1);
  track();
  reads("a", 1);
}

TEST_CASE_METHOD(Tracked, "tracking: keys of all databases are told of by the names that they have there") {
  config.databases = 16;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"},
                           {3, 3, config::DatabaseLayout::Spread, ""}};
  hello(client);
  client.sends({"SELECT 1", std::string(kOn)});
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i);
  client.receives(std::string(kOk) + std::string(kOk));
  client.sends("GET x");
  const Received get = node(1).expects("GET ~1{a}x");
  CHECK(&get.connection() == leases[1]);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
  pushes(1, ">2\r\n$10\r\ninvalidate\r\n*3\r\n" + bulk("~1{a}x") + bulk("~3:y") + bulk("~z"));
  client.receives(">2\r\n$10\r\ninvalidate\r\n*3\r\n" + bulk("x") + bulk("y") + bulk("~z"));
  pushes(2, kFlush);
  pushes(1, kFlush);
  pushes(3, kFlush);
  client.receives(kFlush);
}

namespace {
struct TrackedDatabase : Tracked {
  TrackedDatabase() {
    config.databases = 2;
    config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"}};
  }
  void tracks(const std::string& command = std::string(kOn)) {
    hello(client);
    client.sends({"SELECT 1", command});
    for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, command);
    client.receives(std::string(kOk) + std::string(kOk));
  }
  void takesTransaction() {
    node(1).expects("MULTI");
    CHECK(node(1).expectsAny().words()[0] == "eval");
    node(1).expects("EXEC").replies(std::string(kOkQueued) + "*1\r\n+OK\r\n");
  }
  void flushes() {
    client.sends({"MULTI", "FLUSHDB", "EXEC"});
    takesTransaction();
    client.receives(std::string(kOkQueued) + "*1\r\n+OK\r\n" + std::string(kFlush));
  }
  static constexpr std::string_view kOkQueued = "+OK\r\n+QUEUED\r\n";
};
}  // namespace

TEST_CASE_METHOD(TrackedDatabase, "tracking: FLUSHDB of a pinned database is told once, behind its reply") {
  tracks();
  flushes();
  pushes(1, invalidation("~1{a}x") + invalidation("~1{a}y"));
  client.receivesNothing();
  client.sends("GET x");
  node(1).expects("GET ~1{a}x").replies("_\r\n");
  client.receives("_\r\n");
  pushes(1, invalidation("~1{a}x"));
  client.receives(invalidation("x"));
}

TEST_CASE_METHOD(TrackedDatabase, "tracking: FLUSHDB in steps is told behind its reply, with NOLOOP too") {
  tracks("CLIENT TRACKING ON NOLOOP");
  client.sends("FLUSHDB");
  node(1).expectsAny().replies("*5\r\n" + bulk("0") + bulk("0") + bulk("3") + bulk("n1") + bulk("3"));
  client.receives(std::string(kOk) + std::string(kFlush));
}

TEST_CASE_METHOD(TrackedDatabase, "tracking: what may have been read since a FLUSHDB is told of") {
  tracks();
  client.sends({"MULTI", "FLUSHDB", "EXEC", "GET x"});
  takesTransaction();
  node(1).expects("GET ~1{a}x").replies("_\r\n");
  client.receives(std::string(kOkQueued) + "*1\r\n+OK\r\n" + std::string(kFlush) + "_\r\n");
  pushes(1, invalidation("~1{a}x"));
  client.receives(invalidation("x"));
}

TEST_CASE_METHOD(TrackedDatabase, "tracking: with BCAST a FLUSHDB hides nothing that comes after it") {
  tracks("CLIENT TRACKING ON BCAST");
  flushes();
  pushes(1, invalidation("~1{a}x"));
  client.receives(invalidation("x"));
}

TEST_CASE_METHOD(Tracked, "tracking: a prefix is one of the database's keys") {
  config.databases = 2;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"}};
  hello(client);
  client.sends({"SELECT 1", "CLIENT TRACKING ON BCAST PREFIX user:"});
  for (std::size_t i = 1; i <= kNodes; ++i) confirms(i, "CLIENT TRACKING ON BCAST PREFIX ~1{a}user:");
  client.receives(std::string(kOk) + std::string(kOk));
  client.sends("CLIENT TRACKINGINFO");
  CHECK(client.takes().ends_with("*1\r\n" + bulk("user:")));
  pushes(1, invalidation("~1{a}user:1"));
  client.receives(invalidation("user:1"));
}

}  // namespace slotless::test
