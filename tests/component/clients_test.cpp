// Clients that leave, are slow, or ask for more than they take.
#include "stage.h"

namespace slotless::test {

namespace {
const std::string kHundredBytes = bulk(std::string(100, 'x'));
}  // namespace

TEST_CASE_METHOD(Stage, "replies to a client that has died are discarded, and nobody else gets them") {
  client.sends({"GET a", "SET d 1", "GET b"});
  other.sends("GET e");
  const Received a = node(1).expects("GET a");
  node(1).expects("SET d 1");
  node(1).expects("GET e");
  const Received b = node(2).expects("GET b");
  client.resets();
  CHECK(client.isClosed());
  CHECK(worker().clientCount() == 1);
  CHECK(metrics().clients.value() == 1);
  CHECK(worker().requestsInUse() == 4);
  a.replies(bulk("1") + "+OK\r\n" + bulk("e"));
  other.receives(bulk("e"));
  CHECK(worker().requestsInUse() == 1);
  b.replies(bulk("b"));
  CHECK(worker().requestsInUse() == 0);
  CHECK(metrics().inFlightRequests.value() == 0);
}

TEST_CASE_METHOD(Stage, "the rest of a reply to a client that has died in its middle is discarded") {
  client.sends("GET a");
  other.sends("GET d");
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  a.replies("$10\r\n123");
  client.receives("$10\r\n123");
  client.resets();
  a.replies("4567890\r\n" + bulk("d"));
  other.receives(bulk("d"));
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(Stage, "an error or a redirect for a client that has died is discarded, not followed") {
  client.sends({"GET a", "GET d", "MGET a b"});
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  node(1).expects("MGET a");
  const Received b = node(2).expects("MGET b");
  client.resets();
  a.replies(moved("a", 2) + "-LOADING Redis is loading the dataset in memory\r\n" + ask("a", 3));
  b.replies("-ERR x\r\n");
  clock.advance(1s);
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(Stage, "requests of a client that has died are not repeated when their link is lost") {
  client.sends({"GET a", "SET d 1"});
  node(1).expects("GET a");
  node(1).expects("SET d 1");
  client.resets();
  node(1).resets();
  clock.advance(1s);
  node(1).expectsNothing();
  CHECK(worker().requestsInUse() == 0);
  CHECK(metrics().ambiguousWrites.value() == 0);
}

TEST_CASE_METHOD(Stage, "held requests of a client that has left are dropped unsent") {
  settle();
  node(1).refusesConnections();
  node(1).resets();
  client.sends({"SET a 1", "MSET a 2 b 2"});
  const Received b = node(2).expects("MSET b 2");
  other.sends("SET d 1");
  CHECK(metrics().heldRequests.value() == 3);
  client.resets();
  CHECK(metrics().heldRequests.value() == 1);
  node(1).acceptsConnections();
  clock.advance(3s);
  node(1).expects("SET d 1").replies(kOk);
  node(1).expectsNothing();
  other.receives(kOk);
  CHECK(worker().requestsInUse() == 1);
  b.replies(kOk);
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(Stage, "a client that dies in the middle of a request leaves nothing behind") {
  client.sendsBytes("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n" + std::string(50'000, 'x'));
  CHECK(worker().blocks().bytesInUse() > 50'000);
  client.resets();
  CHECK(worker().blocks().bytesInUse() == 0);
}

TEST_CASE_METHOD(Stage, "a slow client does not stop others, and gets all its replies in the end") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sends({"GET a", "GET d"});
  other.sends("GET e");
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  node(1).expects("GET e");
  a.replies(bulk("1") + bulk("2") + bulk("3"));
  other.receives(bulk("3"));
  client.receivesNothing();
  client.readsOnly(3);
  client.receives("$1\r");
  client.readsAgain();
  client.receives((bulk("1") + bulk("2")).substr(3));
}

TEST_CASE_METHOD(Stage, "a client with too many requests in flight is read again when replies have come") {
  config.clientMaxInFlight = 2;
  client.sends({"SET a 1", "SET b 2", "SET c 3", "SET a 4"});
  const Received a = node(1).expects("SET a 1");
  const Received b = node(2).expects("SET b 2");
  node(3).expectsNothing();
  CHECK_FALSE(client.isRead());
  CHECK(limitHits(telemetry::Limit::InFlight) > 0);
  other.sends("GET c");
  node(3).expects("GET c").replies(bulk("c"));
  other.receives(bulk("c"));
  b.replies(kOk);
  node(3).expectsNothing();
  a.replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
  node(3).expects("SET c 3").replies(kOk);
  node(1).expects("SET a 4").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
  CHECK(client.isRead());
}

TEST_CASE_METHOD(Stage, "a client that does not take its replies is not read beyond the soft limit") {
  config.clientOutputSoftLimit = 250;
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sends({"GET a", "GET a", "GET a"});
  for (int i = 0; i < 3; ++i) node(1).expects("GET a").replies(kHundredBytes);
  client.sends({"GET b", "GET c"});
  node(2).expectsNothing();
  CHECK_FALSE(client.isRead());
  client.sends("GET c");
  CHECK(client.connection().unread() > 0);
  client.readsAgain();
  client.receives(kHundredBytes + kHundredBytes + kHundredBytes);
  node(2).expects("GET b").replies(bulk("b"));
  const Received c = node(3).expects("GET c");
  node(3).expects("GET c");
  c.replies(bulk("c") + bulk("C"));
  client.receives(bulk("b") + bulk("c") + bulk("C"));
  CHECK(client.isRead());
}

TEST_CASE_METHOD(Stage,
                 "a client that writes everything before it reads is read on, up to half the hard limit") {
  config.clientOutputSoftLimit = 250;
  config.clientOutputHardLimit = 2000;
  client.sends("GET a");
  node(1).expects("GET a").replies(kHundredBytes);
  client.receives(kHundredBytes);
  client.stopsReading();
  std::string all;
  for (int i = 0; i < 40; ++i) all += request("GET a");
  client.sendsBytes(all);
  std::size_t taken = 0;
  const auto answerAll = [&] {
    while (node(1).unexpected() > 0) {
      node(1).expects("GET a").replies(kHundredBytes);
      ++taken;
    }
  };
  answerAll();
  CHECK(taken >= 3);
  CHECK(taken < 10);
  const std::size_t atFirst = taken;
  for (int i = 0; i < 20; ++i) {
    clock.advance(200ms);
    answerAll();
  }
  CHECK(taken > atFirst);
  CHECK(taken < 20);
  CHECK_FALSE(client.isClosed());
  client.readsAgain();
  for (int i = 0; i < 40 && taken < 40; ++i) {
    answerAll();
    settle();
  }
  std::string expected;
  for (int i = 0; i < 40; ++i) expected += kHundredBytes;
  client.receives(expected);
}

TEST_CASE_METHOD(Stage, "a client that takes its replies slowly is not read on for that") {
  config.clientOutputSoftLimit = 250;
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sends({"GET a", "GET a", "GET a"});
  for (int i = 0; i < 3; ++i) node(1).expects("GET a").replies(kHundredBytes);
  client.sends("GET b");
  for (int i = 0; i < 8; ++i) {
    client.readsOnly(5);
    clock.advance(150ms);
  }
  node(2).expectsNothing();
  client.readsAgain();
  node(2).expects("GET b").replies(bulk("b"));
  client.receives(kHundredBytes + kHundredBytes + kHundredBytes + bulk("b"));
}

TEST_CASE_METHOD(Stage, "after large replies fewer requests are taken at a time") {
  config.clientOutputSoftLimit = 1000;
  std::string all;
  for (int i = 0; i < 20; ++i) all += request("GET a");
  client.sendsBytes(request("GET d"));
  node(1).expects("GET d").replies(bulk(std::string(400, 'x')));
  client.receives(bulk(std::string(400, 'x')));
  client.sendsBytes(all);
  settle();
  CHECK(node(1).unexpected() < 5);
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    node(1).expects("GET a").replies(bulk("1"));
    expected += bulk("1");
  }
  client.receives(expected);
}

TEST_CASE_METHOD(Stage, "replies that wait behind a slow node count for the soft limit as well") {
  config.clientOutputSoftLimit = 250;
  client.sends({"GET b", "GET a", "GET a", "GET a"});
  const Received b = node(2).expects("GET b");
  for (int i = 0; i < 3; ++i) node(1).expects("GET a").replies(kHundredBytes);
  client.sends("GET c");
  node(3).expectsNothing();
  b.replies(bulk("b"));
  client.receives(bulk("b") + kHundredBytes + kHundredBytes + kHundredBytes);
  node(3).expects("GET c").replies(bulk("c"));
  client.receives(bulk("c"));
}

TEST_CASE_METHOD(Stage, "a client whose unread replies exceed the hard limit is closed") {
  config.clientOutputHardLimit = 250;
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sends({"GET a", "GET a", "GET a", "GET a"});
  other.sends("GET d");
  const Received first = node(1).expects("GET a");
  for (int i = 0; i < 3; ++i) node(1).expects("GET a");
  node(1).expects("GET d");
  first.replies(kHundredBytes + kHundredBytes);
  CHECK_FALSE(client.isClosed());
  first.replies(kHundredBytes);
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::OutputHard) == 1);
  first.replies(kHundredBytes + bulk("d"));
  other.receives(bulk("d"));
}

TEST_CASE_METHOD(Stage, "a client whose waiting replies exceed the hard limit is closed") {
  config.clientOutputHardLimit = 250;
  client.sends({"GET b", "GET a", "GET a", "GET a"});
  const Received b = node(2).expects("GET b");
  for (int i = 0; i < 3; ++i) node(1).expects("GET a").replies(kHundredBytes);
  CHECK(client.isClosed());
  b.replies(bulk("b"));
}

TEST_CASE_METHOD(Stage, "a reply of more than the hard limit passes as long as the client takes it") {
  config.clientOutputHardLimit = 1000;
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  a.replies("$10000\r\n");
  for (int i = 0; i < 100; ++i) a.replies(std::string(100, 'x'));
  a.replies("\r\n");
  client.receives(bulk(std::string(10'000, 'x')));
}

TEST_CASE_METHOD(Stage, "one reply of more than the hard limit waits for a client that reads slowly") {
  config.clientOutputHardLimit = 1000;
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sends({"GET a", "GET a", "GET a"});
  const Received a = node(1).expects("GET a");
  a.replies(bulk(std::string(10'000, 'x')));
  CHECK_FALSE(client.isClosed());
  client.readsOnly(6000);
  settle();
  client.receives(bulk(std::string(10'000, 'x')).substr(0, 6000));
  for (int i = 0; i < 2; ++i) node(1).expects("GET a");
  a.replies(bulk("small"));
  CHECK_FALSE(client.isClosed());
  a.replies(bulk(std::string(1100, 'x')));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage,
                 "a silent client is closed after the idle timeout, and one that waits for a reply is not") {
  config.clientIdleTimeout = 10s;
  client.sends("PING");
  client.receives("+PONG\r\n");
  other.sends("GET a");
  const Received a = node(1).expects("GET a");
  clock.advance(9s);
  CHECK_FALSE(client.isClosed());
  clock.advance(3s);
  CHECK(client.isClosed());
  CHECK_FALSE(other.isClosed());
  a.replies(bulk("1"));
  other.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "a client may be silent for ever when there is no idle timeout") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  clock.advance(1h);
  CHECK_FALSE(client.isClosed());
}

}  // namespace slotless::test
