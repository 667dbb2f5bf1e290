// The connections for subscriptions and MONITOR: pauses between attempts, heartbeats, dead flows.
#include "stage.h"

namespace slotless::test {

namespace {

std::string subscribed(std::string_view channel) {
  return "*3\r\n" + bulk("subscribe") + bulk(channel) + ":1\r\n";
}

struct Feeds : Stage {
  FakeConnection& subscribe() {
    client.sends("SUBSCRIBE a");
    const Received asked = node(1).expects("subscribe a");
    asked.replies(subscribed("a"));
    client.receives(subscribed("a"));
    return asked.connection();
  }
  // How often the node gets those words within ten seconds, if it closes the connection each time.
  std::size_t timesClosed(std::size_t number, std::string_view words, std::string_view answer) {
    std::size_t closed = 0;
    for (net::Millis waited{0}; waited < 10s; waited += 10ms) {
      for (settle(); node(number).unexpected() > 0; settle()) {
        const Received asked = node(number).expects(words);
        asked.connection().push(answer);
        asked.connection().end();
        if (++closed > 1000) FAIL("again and again at once");
      }
      clock.advance(10ms);
    }
    return closed;
  }
};

}  // namespace

TEST_CASE_METHOD(Feeds, "a node that closes subscriptions at once is asked again only after pauses") {
  settle();
  client.sends("SUBSCRIBE a");
  const std::size_t closed = timesClosed(1, "subscribe a", subscribed("a"));
  CHECK(closed >= 5);
  CHECK(closed <= 20);
  client.takes();
  node(1).expectsNothing();
  clock.advance(2s);
  node(1).expects("subscribe a").replies(subscribed("a"));
}

TEST_CASE_METHOD(Feeds, "a node that closes MONITOR at once is asked again only after pauses") {
  settle();
  client.sends("MONITOR");
  node(2).expects("MONITOR").replies("+OK\r\n");
  node(3).expects("MONITOR").replies("+OK\r\n");
  const std::size_t closed = timesClosed(1, "MONITOR", "+OK\r\n");
  CHECK(closed >= 5);
  CHECK(closed <= 20);
  client.takes();
  client.resets();
  clock.advance(2s);
}

TEST_CASE_METHOD(Feeds, "a subscription that had lived for a while is made again at once") {
  subscribe();
  clock.advance(10s);
  node(1).resets();
  node(1).expects("subscribe a").replies(subscribed("a"));
}

TEST_CASE_METHOD(Feeds, "who subscribes again does not shorten the pause") {
  settle();
  const std::size_t before = node(1).connects();
  for (int i = 0; i < 100; ++i) {
    FakeClient& each = addClient();
    each.sends("SUBSCRIBE a");
    for (settle(); node(1).unexpected() > 0; settle()) node(1).expects("subscribe a").connection().end();
    each.resets();
    clock.advance(10ms);
  }
  CHECK(node(1).connects() - before <= 10);
  while (node(1).unexpected() > 0) node(1).expectsAny();
}

TEST_CASE_METHOD(Feeds, "subscriptions on which nothing comes are tried with a PING, and nobody notices") {
  FakeConnection& feed = subscribe();
  const bool inSubscription = GENERATE(true, false);
  if (inSubscription) node(1).answersHandshake("PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  const std::size_t before = node(1).connects();
  node(1).ignoresConnections();
  clock.advance(30s);
  CHECK_FALSE(feed.closed());
  client.receivesNothing();
  feed.push("*3\r\n" + bulk("message") + bulk("a") + bulk("hi"));
  settle();
  client.receives("*3\r\n" + bulk("message") + bulk("a") + bulk("hi"));
  CHECK(node(1).connects() == before);
}

TEST_CASE_METHOD(Feeds, "a feed whose flow has died is found by that, and made anew") {
  const bool monitors = GENERATE(true, false);
  FakeConnection* feed = nullptr;
  if (monitors) {
    client.sends("MONITOR");
    for (std::size_t number = kNodes; number >= 1; --number) {
      const Received asked = node(number).expects("MONITOR");
      asked.replies("+OK\r\n");
      feed = &asked.connection();
    }
    client.receives("+OK\r\n");
  } else {
    feed = &subscribe();
  }
  node(1).answersHandshake("CLIENT ID", ":7\r\n");
  node(1).answersHandshake("CLIENT LIST", "$0\r\n\r\n");
  node(1).losesFlow(*feed);
  for (int i = 0; i < 300 && !feed->closed(); ++i) clock.advance(100ms);
  CHECK(feed->closed());
  if (monitors) {
    node(1).expects("MONITOR").replies("+OK\r\n");
  } else {
    node(1).expects("subscribe a").replies(subscribed("a"));
  }
}

TEST_CASE_METHOD(Feeds, "the subscriptions of a node that is busy are kept") {
  FakeConnection& feed = subscribe();
  node(1).losesFlow(feed);
  node(1).ignoresConnections();
  clock.advance(2min);
  CHECK_FALSE(feed.closed());
}

}  // namespace slotless::test
