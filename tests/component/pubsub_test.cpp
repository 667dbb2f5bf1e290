// Subscriptions of clients, and the worker's own ones at the nodes.
#include <string>

#include "stage.h"

namespace slotless::test {

namespace {

// The node answers a subscription, which is then live.
FakeConnection& confirms(FakeNode& node, std::string_view word, std::string_view name) {
  const Received received = node.expects(std::string(word) + " " + std::string(name));
  received.replies(notice(word, name, 1));
  return received.connection();
}

void subscribes(Stage& stage, FakeClient& client, std::size_t node, std::string_view channel) {
  client.sends("SUBSCRIBE " + std::string(channel));
  confirms(stage.node(node), "subscribe", channel);
  client.receives(notice("subscribe", channel, 1));
}

constexpr std::string_view kRefused =
    "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n";

}  // namespace

TEST_CASE_METHOD(Stage,
                 "SUBSCRIBE is confirmed when the node that owns the channel's slot has confirmed it") {
  client.sends("SUBSCRIBE a b");
  const Received a = node(1).expects("subscribe a");
  const Received b = node(2).expects("subscribe b");
  b.replies(notice("subscribe", "b", 1));
  client.receivesNothing();
  a.replies(notice("subscribe", "a", 1));
  client.receives(notice("subscribe", "a", 1) + notice("subscribe", "b", 2));
  CHECK(metrics().subscriptions.value() == 2);
  CHECK(metrics().upstreamSubscriptions.value() == 2);
}

TEST_CASE_METHOD(Stage, "messages come as they are, also in pieces and together") {
  subscribes(*this, client, 1, "a");
  const std::string two = message("a", "one") + message("a", std::string(100'000, 'x'));
  node(1).pushes(two.substr(0, 30));
  client.receivesNothing();
  node(1).pushes(two.substr(30, 40));
  client.receives(message("a", "one"));
  node(1).pushes(two.substr(70));
  CHECK(client.takes() == message("a", std::string(100'000, 'x')));
  CHECK(metrics().pubsubMessages.value() == 2);
}

TEST_CASE_METHOD(Stage, "however many clients listen to a channel, the worker is subscribed to it once") {
  constexpr int kClients = 1000;  // ten times as many in an integration test
  subscribes(*this, client, 1, "a");
  std::vector<FakeClient*> listeners;
  for (int i = 1; i < kClients; ++i) listeners.push_back(&addClient());
  for (FakeClient* each : listeners) each->sends("SUBSCRIBE a");
  for (FakeClient* each : listeners) REQUIRE(each->takes() == notice("subscribe", "a", 1));
  node(1).expectsNothing();
  CHECK(metrics().subscriptions.value() == kClients);
  CHECK(metrics().upstreamSubscriptions.value() == 1);
  node(1).pushes(message("a", "hi"));
  client.receives(message("a", "hi"));
  for (FakeClient* each : listeners) REQUIRE(each->takes() == message("a", "hi"));
  for (FakeClient* each : listeners) each->connection().reset();
  settle();
  node(1).expectsNothing();
  client.resets();
  node(1).expects("unsubscribe a").replies(notice("unsubscribe", "a", 0));
  CHECK(metrics().upstreamSubscriptions.value() == 0);
}

TEST_CASE_METHOD(Stage, "all who subscribe while the first subscription is under way are confirmed with it") {
  client.sends("SUBSCRIBE a");
  other.sends("SUBSCRIBE a");
  confirms(node(1), "subscribe", "a");
  client.receives(notice("subscribe", "a", 1));
  other.receives(notice("subscribe", "a", 1));
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Stage, "several SUBSCRIBE in one pipeline are under way together and confirmed in order") {
  client.sends({"SUBSCRIBE a", "SUBSCRIBE b", "PSUBSCRIBE {c}*", "PING"});
  const Received a = node(1).expects("subscribe a");
  confirms(node(2), "subscribe", "b");
  client.receivesNothing();
  a.replies(notice("subscribe", "a", 1));
  client.receives(notice("subscribe", "a", 1) + notice("subscribe", "b", 2));
  confirms(node(3), "psubscribe", "{c}*");
  client.receives(notice("psubscribe", "{c}*", 3) + "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
}

TEST_CASE_METHOD(Stage,
                 "a channel that a client names twice counts once, and unsubscribing from none is answered") {
  client.sends("SUBSCRIBE a a");
  confirms(node(1), "subscribe", "a");
  client.receives(notice("subscribe", "a", 1) + notice("subscribe", "a", 1));
  client.sends({"UNSUBSCRIBE other", "UNSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE x"});
  client.receives(notice("unsubscribe", "other", 1) + notice("unsubscribe", "a", 0) +
                  "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n" +
                  notice("sunsubscribe", "x", 0));
  node(1).expects("unsubscribe a").replies(notice("unsubscribe", "a", 0));
}

TEST_CASE_METHOD(Stage, "shard channels are counted by themselves and subscribed to at their slot's owner") {
  client.sends("SUBSCRIBE a");
  confirms(node(1), "subscribe", "a");
  client.sends("SSUBSCRIBE b c");
  confirms(node(2), "ssubscribe", "b");
  confirms(node(3), "ssubscribe", "c");
  client.receives(notice("subscribe", "a", 1) + notice("ssubscribe", "b", 1) + notice("ssubscribe", "c", 2));
  const std::string shardMessage = "*3\r\n" + bulk("smessage") + bulk("b") + bulk("hi");
  node(2).pushes(shardMessage);
  client.receives(shardMessage);
}

TEST_CASE_METHOD(
    Stage, "a subscribed RESP2 client may do nothing else, and PING answers in the shape of a message") {
  subscribes(*this, client, 1, "a");
  client.sends({"GET a", "PING hi", "MULTI", "EXEC", "MONITOR", "HELLO 3", "NOPE", "GET"});
  client.receives("-ERR Can't execute 'get" + std::string(kRefused) + "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n" +
                  "-ERR Can't execute 'multi" + std::string(kRefused) +
                  "-EXECABORT Transaction discarded because of: Can't execute 'exec" + std::string(kRefused) +
                  "-ERR Can't execute 'monitor" + std::string(kRefused) + "-ERR Can't execute 'hello" +
                  std::string(kRefused) + "-ERR unknown command 'NOPE', with args beginning with: \r\n" +
                  "-ERR wrong number of arguments for 'get' command\r\n");
  client.sends("UNSUBSCRIBE");
  node(1).expects("unsubscribe a");
  client.receives(notice("unsubscribe", "a", 0));
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "RESET and QUIT end subscriptions") {
  subscribes(*this, client, 1, "a");
  client.sends({"RESET", "PING"});
  client.receives("+RESET\r\n+PONG\r\n");
  node(1).expects("unsubscribe a").replies(notice("unsubscribe", "a", 0));
  subscribes(*this, client, 1, "a");
  client.sends("QUIT");
  client.receives("+OK\r\n");
  CHECK(client.isClosed());
  node(1).expects("unsubscribe a");
  CHECK(metrics().subscriptions.value() == 0);
}

TEST_CASE_METHOD(Stage, "SUBSCRIBE and MONITOR inside MULTI are refused and spoil the transaction") {
  client.sends({"MULTI", "SUBSCRIBE a", "MONITOR", "EXEC"});
  const std::string refused = "-ERR Command not allowed inside a transaction\r\n";
  client.receives("+OK\r\n" + refused + refused + aborted(refused));
}

TEST_CASE_METHOD(Stage, "in RESP3 messages are pushes between replies, never inside of one") {
  node(1).answersHandshake("HELLO", "%0\r\n");
  client.sends("HELLO 3");
  client.takes();
  client.sends("SUBSCRIBE a");
  const Received subscription = node(1).expects("subscribe a");
  subscription.replies(notice("subscribe", "a", 1));
  client.receives(notice("subscribe", "a", 1, '>'));
  client.sends({"GET d", "GET e"});
  const Received d = node(1).expects("GET d");
  const Received e = node(1).expects("GET e");
  subscription.replies(message("a", "before"));
  client.receives(message("a", "before", '>'));
  d.replies("$4\r\nab");
  subscription.replies(message("a", "inside"));
  client.receives("$4\r\nab");
  d.replies("cd\r\n" + bulk("e").substr(0, 4));
  client.receives("cd\r\n" + message("a", "inside", '>') + bulk("e").substr(0, 4));
  subscription.replies(message("a", "inside e"));
  e.replies(bulk("e").substr(4));
  client.receives(bulk("e").substr(4) + message("a", "inside e", '>'));
}

TEST_CASE_METHOD(Stage, "a RESP3 client that goes back to RESP2 while it is subscribed is in RESP2's mode") {
  client.sends("HELLO 3");
  client.takes();
  client.sends("SUBSCRIBE a");
  confirms(node(1), "subscribe", "a");
  client.takes();
  client.sends("HELLO 2");
  client.takes();
  client.sends("GET a");
  client.receives("-ERR Can't execute 'get" + std::string(kRefused));
  node(1).pushes(message("a", "x"));
  client.receives(message("a", "x"));
}

TEST_CASE_METHOD(Stage, "patterns that match keyspace notifications are subscribed to at every master") {
  client.sends("PSUBSCRIBE *");
  std::vector<FakeConnection*> connections;
  for (const std::size_t number : {1U, 2U}) connections.push_back(&confirms(node(number), "psubscribe", "*"));
  client.receivesNothing();
  connections.push_back(&confirms(node(3), "psubscribe", "*"));
  client.receives(notice("psubscribe", "*", 1));

  // An ordinary message, which the cluster carries to all nodes, counts once.
  for (FakeConnection* connection : connections) connection->push(patternMessage("*", "news", "x"));
  settle();
  client.receives(patternMessage("*", "news", "x"));
  const std::string event = patternMessage("*", "__keyspace@0__:a", "set");
  for (FakeConnection* connection : connections) connection->push(event);
  settle();
  client.receives(event + event + event);

  addNode(4);
  confirms(node(4), "psubscribe", "*");
  node(4).pushes(event + patternMessage("*", "news", "x"));
  client.receives(event);
}

TEST_CASE_METHOD(Stage, "what proxies say to each other reaches no client, whatever it listens to") {
  constexpr std::string_view kPattern = "[{b}~]*";
  client.sends("PSUBSCRIBE [{b}~]*");
  confirms(node(2), "psubscribe", kPattern);
  client.receives(notice("psubscribe", kPattern, 1));
  node(2).pushes(patternMessage(kPattern, "~{slotless-peers}", "x") + patternMessage(kPattern, "~a", "y"));
  client.receives(patternMessage(kPattern, "~a", "y"));
}

TEST_CASE_METHOD(Stage,
                 "channels of keyspace notifications are subscribed to at every master, others at one") {
  client.sends("SUBSCRIBE __keyevent@0__:expired");
  for (const std::size_t number : {1U, 2U, 3U}) confirms(node(number), "subscribe", "__keyevent@0__:expired");
  client.receives(notice("subscribe", "__keyevent@0__:expired", 1));
  node(2).pushes(message("__keyevent@0__:expired", "b"));
  client.receives(message("__keyevent@0__:expired", "b"));
  client.sends("PSUBSCRIBE {a}*");
  confirms(node(1), "psubscribe", "{a}*");
  client.receives(notice("psubscribe", "{a}*", 2));
}

TEST_CASE_METHOD(Stage, "a lost subscription is made again, and the gap is counted") {
  subscribes(*this, client, 1, "a");
  node(1).resets();
  CHECK(metrics().pubsubGaps.value() == 1);
  CHECK(metrics().upstreamSubscriptions.value() == 0);
  CHECK(control.urgentRefreshes > 0);
  clock.advance(1s);
  confirms(node(1), "subscribe", "a");
  client.receivesNothing();
  node(1).pushes(message("a", "again"));
  client.receives(message("a", "again"));
}

TEST_CASE_METHOD(Stage, "when another node takes over, the subscription is made there") {
  subscribes(*this, client, 1, "a");
  node(1).refusesConnections();
  node(1).resets();
  replaceNode(1, 4);
  confirms(node(4), "subscribe", "a");
  node(4).pushes(message("a", "new home"));
  client.receives(message("a", "new home"));
  CHECK(metrics().pubsubGaps.value() == 1);
}

TEST_CASE_METHOD(Stage,
                 "a channel whose slot moves stays with its old home until the new one has confirmed") {
  subscribes(*this, client, 1, "a");
  FakeConnection& old = node(1).connection();
  giveSlot("a", 2);
  const Received moved = node(2).expects("subscribe a");
  old.push(message("a", "old"));
  settle();
  client.receives(message("a", "old"));
  moved.replies(notice("subscribe", "a", 1));
  node(1).expects("unsubscribe a");
  old.push(message("a", "twice"));
  moved.replies(message("a", "new"));
  client.receives(message("a", "new"));
  CHECK(metrics().pubsubGaps.value() == 1);
}

TEST_CASE_METHOD(Stage, "a shard channel that its node revokes is subscribed to at the slot's new owner") {
  client.sends("SSUBSCRIBE a");
  confirms(node(1), "ssubscribe", "a");
  client.receives(notice("ssubscribe", "a", 1));
  node(1).pushes(notice("sunsubscribe", "a", 0));
  CHECK(metrics().pubsubGaps.value() == 1);
  node(1).expects("ssubscribe a").replies(moved("a", 2));
  CHECK(control.urgentRefreshes > 0);
  clock.advance(100ms);
  node(1).expects("ssubscribe a").replies(moved("a", 2));
  giveSlot("a", 2);
  confirms(node(2), "ssubscribe", "a");
  client.receivesNothing();
  const std::string shardMessage = "*3\r\n" + bulk("smessage") + bulk("a") + bulk("hi");
  node(2).pushes(shardMessage);
  client.receives(shardMessage);
}

TEST_CASE_METHOD(
    Stage, "SUBSCRIBE waits for a reachable node until the hold timeout, and later ones still succeed") {
  config.holdTimeout = 5s;
  node(1).refusesConnections();
  client.sends("SUBSCRIBE a b");
  confirms(node(2), "subscribe", "b");
  clock.advance(4900ms);
  client.receivesNothing();
  clock.advance(200ms);
  client.receives("-CLUSTERDOWN The subscription could not be made in time\r\n");
  node(2).expects("unsubscribe b").replies(notice("unsubscribe", "b", 0));
  node(1).acceptsConnections();
  clock.advance(3s);
  client.sends("SUBSCRIBE a");
  confirms(node(1), "subscribe", "a");
  client.receives(notice("subscribe", "a", 1));
}

TEST_CASE_METHOD(Stage, "a subscription that a node forbids is answered with its error") {
  client.sends({"SUBSCRIBE a", "PING"});
  const std::string forbidden =
      "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";
  node(1).expects("subscribe a").replies(forbidden);
  client.receives(forbidden + "+PONG\r\n");
  CHECK(metrics().upstreamSubscriptions.value() == 0);
}

TEST_CASE_METHOD(Stage, "a client that leaves while its SUBSCRIBE is under way leaves nothing") {
  client.sends({"SUBSCRIBE a", "SUBSCRIBE b"});
  const Received a = node(1).expects("subscribe a");
  node(2).expects("subscribe b");
  client.resets();
  a.replies(notice("subscribe", "a", 1));
  node(1).expects("unsubscribe a");
  node(2).expects("unsubscribe b");
  CHECK(worker().requestsInUse() == 0);
  CHECK(metrics().subscriptions.value() == 0);
  CHECK(metrics().upstreamSubscriptions.value() == 0);
}

TEST_CASE_METHOD(Stage, "SUBSCRIBE right after the last UNSUBSCRIBE counts from its own confirmation") {
  subscribes(*this, client, 1, "a");
  client.sends({"UNSUBSCRIBE a", "SUBSCRIBE a"});
  const Received unsubscribed = node(1).expects("unsubscribe a");
  const Received subscribed = node(1).expects("subscribe a");
  unsubscribed.replies(notice("unsubscribe", "a", 0));
  client.receives(notice("unsubscribe", "a", 0));
  subscribed.replies(notice("subscribe", "a", 1));
  client.receives(notice("subscribe", "a", 1));
}

// --- UNSUBSCRIBE ---

namespace {

// A client and another one listen to a; the test has the word of the node behind what it has said.
struct Leavers : Stage {
  Leavers() {
    subscribes(*this, client, 1, "a");
    node(1).leavesToTest("PING");
  }
  // The client has said it.
  Received asked() { return node(1).expects("PING"); }
  void isAway(const Received& received) {
    received.replies(kSubscribersPong);
    client.receives(notice("unsubscribe", "a", 0));
  }

  static constexpr std::string_view kSubscribersPong = "*2\r\n$4\r\npong\r\n$0\r\n\r\n";
};

}  // namespace

TEST_CASE_METHOD(Leavers, "what has been published before UNSUBSCRIBE comes before its confirmation") {
  client.sends("UNSUBSCRIBE a");
  const Received word = asked();
  node(1).pushes(message("a", "just now"));
  client.receives(message("a", "just now"));
  isAway(word);
  node(1).expects("unsubscribe a");
  node(1).pushes(message("a", "too late") + notice("unsubscribe", "a", 0));
  client.receivesNothing();
}

TEST_CASE_METHOD(Leavers, "so it does where others go on listening") {
  other.sends("SUBSCRIBE a");
  other.receives(notice("subscribe", "a", 1));
  client.sends("UNSUBSCRIBE");
  const Received word = asked();
  node(1).pushes(message("a", "just now"));
  client.receives(message("a", "just now"));
  other.receives(message("a", "just now"));
  isAway(word);
  node(1).pushes(message("a", "later"));
  client.receivesNothing();
  other.receives(message("a", "later"));
}

TEST_CASE_METHOD(Leavers, "what follows UNSUBSCRIBE in a pipeline waits for it") {
  client.sends({"UNSUBSCRIBE a", "GET a"});
  const Received word = asked();
  node(1).expectsNothing();
  isAway(word);
  node(1).expects("GET a").replies(bulk("1"));
  node(1).expects("unsubscribe a").replies(notice("unsubscribe", "a", 0));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Leavers, "UNSUBSCRIBE from channels of several nodes waits for a word of each") {
  client.sends("SUBSCRIBE b d");
  confirms(node(2), "subscribe", "b");
  confirms(node(1), "subscribe", "d");
  client.receives(notice("subscribe", "b", 2) + notice("subscribe", "d", 3));
  node(2).leavesToTest("PING");
  client.sends("UNSUBSCRIBE b d");
  const Received first = asked();
  const Received second = node(2).expects("PING");
  first.replies(kSubscribersPong);
  client.receivesNothing();
  second.replies(kSubscribersPong);
  client.receives(notice("unsubscribe", "b", 2) + notice("unsubscribe", "d", 1));
  confirms(node(2), "unsubscribe", "b");
  confirms(node(1), "unsubscribe", "d");
}

TEST_CASE_METHOD(Leavers, "a node that says nothing does not keep UNSUBSCRIBE waiting for long") {
  client.sends("UNSUBSCRIBE a");
  const Received word = asked();
  clock.advance(500ms);
  client.receivesNothing();
  clock.advance(700ms);
  client.receives(notice("unsubscribe", "a", 0));
  node(1).expects("unsubscribe a");
  word.replies(kSubscribersPong);
  node(1).pushes(notice("unsubscribe", "a", 0));
}

TEST_CASE_METHOD(Leavers, "nor does one whose connection is lost, or that refuses the question") {
  client.sends("UNSUBSCRIBE a");
  asked().replies("-NOPERM this user has no permissions to run the 'ping' command\r\n");
  client.receives(notice("unsubscribe", "a", 0));
  confirms(node(1), "unsubscribe", "a");
  subscribes(*this, client, 1, "a");
  client.sends("UNSUBSCRIBE a");
  const Received word = asked();
  node(1).refusesConnections();
  word.connection().reset();
  client.receives(notice("unsubscribe", "a", 0));
}

TEST_CASE_METHOD(Leavers, "a client that leaves while its UNSUBSCRIBE waits leaves nothing") {
  client.sends("UNSUBSCRIBE a");
  const Received word = asked();
  client.resets();
  node(1).expects("unsubscribe a");
  word.replies(kSubscribersPong);
  node(1).pushes(notice("unsubscribe", "a", 0));
  CHECK(metrics().subscriptions.value() == 0);
}

TEST_CASE_METHOD(Leavers, "who is leaving is not counted by what is published from then on") {
  client.sends("UNSUBSCRIBE");
  const Received word = asked();
  other.sends("PUBLISH a x");
  node(1).expects("PUBLISH a x").replies(":1\r\n");
  other.receives(":0\r\n");
  isAway(word);
  confirms(node(1), "unsubscribe", "a");
  other.sends("PUBLISH a x");
  node(1).expects("PUBLISH a x").replies(":0\r\n");
  other.receives(":0\r\n");
}

TEST_CASE_METHOD(Leavers, "who leaves is counted by what was on its way already") {
  other.sends("PUBLISH a x");
  const Received published = node(1).expects("PUBLISH a x");
  client.sends("UNSUBSCRIBE a");
  const Received word = asked();
  node(1).pushes(message("a", "x"));
  client.receives(message("a", "x"));
  isAway(word);
  node(1).expects("unsubscribe a");
  published.replies(":1\r\n");
  other.receives(":1\r\n");
}

TEST_CASE_METHOD(Leavers, "who leaves a channel that others listen to is counted off once") {
  FakeClient& third = addClient();
  third.sends("SUBSCRIBE a");
  third.receives(notice("subscribe", "a", 1));
  client.sends("UNSUBSCRIBE a a");
  const Received word = asked();
  SECTION("by name, twice") {
    word.replies(kSubscribersPong);
    client.receives(notice("unsubscribe", "a", 0) + notice("unsubscribe", "a", 0));
  }
  SECTION("with a lost connection") {
    client.resets();
    word.replies(kSubscribersPong);
  }
  other.sends("PUBLISH a x");
  node(1).expects("PUBLISH a x").replies(":1\r\n");
  other.receives(":1\r\n");
  CHECK(metrics().subscriptions.value() == 1);
}

TEST_CASE_METHOD(Stage, "PUBLISH counts the proxy's clients in place of its own subscriptions") {
  subscribes(*this, client, 1, "a");
  FakeClient& third = addClient();
  third.sends("SUBSCRIBE a");
  third.receives(notice("subscribe", "a", 1));
  FakeClient& fourth = addClient();
  fourth.sends("PSUBSCRIBE [{b}a]*");
  confirms(node(2), "psubscribe", "[{b}a]*");
  fourth.takes();
  other.sends("PUBLISH a x");
  // The worker's subscription, and one of somebody else.
  node(1).expects("PUBLISH a x").replies(":2\r\n");
  other.receives(":4\r\n");
  other.sends("PUBSUB NUMSUB a b");
  for (const std::size_t number : {1U, 2U, 3U}) {
    const std::string a = number == 1 ? ":2\r\n" : ":0\r\n";
    node(number).expects("PUBSUB NUMSUB a b").replies("*4\r\n" + bulk("a") + a + bulk("b") + ":0\r\n");
  }
  other.receives("*4\r\n" + bulk("a") + ":3\r\n" + bulk("b") + ":0\r\n");
}

TEST_CASE_METHOD(Stage, "PUBLISH inside a transaction goes to the transaction's node and is counted alike") {
  subscribes(*this, client, 1, "a");
  other.sends({"MULTI", "SET b 1", "PUBLISH a x", "EXEC"});
  node(2).expects("MULTI").replies("+OK\r\n");
  node(2).expects("SET b 1").replies("+QUEUED\r\n");
  node(2).expects("PUBLISH a x").replies("+QUEUED\r\n");
  node(2).expects("EXEC").replies("*2\r\n+OK\r\n:0\r\n");
  other.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:1\r\n");
}

TEST_CASE_METHOD(Stage, "PUBSUB NUMPAT counts a pattern once, at however many masters it is") {
  client.sends("PSUBSCRIBE *");
  for (const std::size_t number : {1U, 2U, 3U}) confirms(node(number), "psubscribe", "*");
  client.takes();
  other.sends("PUBSUB NUMPAT");
  for (const std::size_t number : {1U, 2U, 3U}) node(number).expects("PUBSUB NUMPAT").replies(":1\r\n");
  other.receives(":1\r\n");
}

TEST_CASE_METHOD(Stage, "a subscriber that does not take its messages is closed at the hard limit") {
  config.clientOutputPubsubHardLimit = 10'000;
  subscribes(*this, client, 1, "a");
  other.sends("SUBSCRIBE a");
  other.receives(notice("subscribe", "a", 1));
  client.stopsReading();
  const std::string text = message("a", std::string(4000, 'x'));
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(client.isClosed());
    node(1).pushes(text);
    CHECK(other.takes() == text);
  }
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::PubSubOutput) == 1);
}

TEST_CASE_METHOD(Stage, "a subscriber above the soft limit is closed when that lasts too long") {
  config.clientOutputPubsubSoftLimit = 1000;
  config.clientOutputPubsubSoftSeconds = 60s;
  subscribes(*this, client, 1, "a");
  const std::string text = message("a", std::string(900, 'x'));
  client.stopsReading();
  node(1).pushes(text + text);
  clock.advance(50s);
  client.readsAgain();
  CHECK(client.takes() == text + text);
  client.stopsReading();
  node(1).pushes(text + text);
  clock.advance(50s);
  CHECK_FALSE(client.isClosed());
  clock.advance(12s);
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::PubSubOutput) == 1);
  node(1).expects("unsubscribe a");
}

TEST_CASE_METHOD(Stage, "a subscriber is never idle") {
  config.clientIdleTimeout = 10s;
  subscribes(*this, client, 1, "a");
  clock.advance(60s);
  CHECK_FALSE(client.isClosed());
}

TEST_CASE_METHOD(Stage, "names of channels and patterns have an end, lest a node closes what all hear by") {
  const std::string longest(65536, 'c');
  const std::string error = "-ERR A channel or pattern cannot be longer than 65536 bytes\r\n";
  client.sends({"SUBSCRIBE a " + longest + "c", "PSUBSCRIBE " + longest + "*"});
  client.receives(error + error);
  CHECK(limitHits(telemetry::Limit::Subscriptions) == 2);
}

TEST_CASE_METHOD(Stage, "who wants more than client-max-subscriptions gets an error, and none of them") {
  config.clientMaxSubscriptions = 3;
  const std::string error =
      "-ERR A client cannot have more than 3 subscriptions (client-max-subscriptions)\r\n";
  client.sends("SUBSCRIBE a b c d");
  client.receives(error);
  subscribes(*this, client, 1, "a");
  client.sends({"SUBSCRIBE b", "SUBSCRIBE c d e", "SUBSCRIBE c", "SUBSCRIBE g"});
  confirms(node(2), "subscribe", "b");
  confirms(node(3), "subscribe", "c");
  client.receives(notice("subscribe", "b", 2) + error + notice("subscribe", "c", 3) + error);
  client.sends({"SUBSCRIBE a c", "PSUBSCRIBE x*", "SSUBSCRIBE x"});  // what it has already is no more
  client.receives(notice("subscribe", "a", 3) + notice("subscribe", "c", 3) + error + error);
  CHECK(limitHits(telemetry::Limit::Subscriptions) == 5);
  client.sends("UNSUBSCRIBE a");
  node(1).expects("unsubscribe a").replies(notice("unsubscribe", "a", 0));
  client.receives(notice("unsubscribe", "a", 2));
  client.sends("SUBSCRIBE a");
  confirms(node(1), "subscribe", "a");
  client.receives(notice("subscribe", "a", 3));
  other.sends("SUBSCRIBE a b c");
  other.receives(notice("subscribe", "a", 1) + notice("subscribe", "b", 2) + notice("subscribe", "c", 3));
}

}  // namespace slotless::test
