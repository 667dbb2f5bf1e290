// What breaks a connection, or ends its node, is not tried on a connection that others use, and not for ever.
#include <vector>

#include "proxy/dispatch/reply_texts.h"
#include "stage.h"

namespace slotless::test {

namespace {
using namespace session;
constexpr std::string_view kProtocolError = "-ERR Protocol error: invalid bulk length\r\n";

struct Suspecting : Stage {
  // Connections to nodes from now on take only so many bytes.
  void limitNewConnections(std::size_t bytes) {
    loop.onConnect = [before = loop.onConnect, bytes](const std::shared_ptr<FakeConnection>& made) {
      before(made);
      made->setWriteCapacity(bytes);
    };
  }
};
}  // namespace

TEST_CASE_METHOD(Suspecting, "a read that breaks its connection is repeated once, alone; others go on") {
  client.sends("GET a");
  node(1).expects("GET a").connection().reset();
  const Received again = node(1).expects("GET a");
  other.sends("INCR d");
  const Received incr = node(1).expects("INCR d");
  CHECK(&again.connection() != &incr.connection());
  again.connection().reset();
  settle();
  client.receives(reply_texts::kBrokeAgain);
  incr.replies(":1\r\n");
  other.receives(":1\r\n");
  clock.advance(30s);
  node(1).expectsNothing();
  CHECK(metrics().ambiguousWrites.value() == 0);
  CHECK(metrics().loneLeases.value() == 0);
}

TEST_CASE_METHOD(Suspecting, "a read that once was at the front of a lost connection is answered alone") {
  client.sends("GET a");
  node(1).expects("GET a").connection().reset();
  const Received again = node(1).expects("GET a");
  CHECK(metrics().loneLeases.value() == 1);
  again.replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(metrics().loneLeases.value() == 0);
}

TEST_CASE_METHOD(Suspecting, "the like of what broke a connection goes alone at once, for ten minutes") {
  config.linkIdleTimeout = 0ms;
  other.sends("GET d");
  const Received plain = node(1).expects("GET d");
  plain.replies(bulk("d"));
  other.receives(bulk("d"));
  client.sends("GET a");
  node(1).expects("GET a").connection().reset();
  node(1).expects("GET a").connection().reset();
  settle();
  client.receives(reply_texts::kBrokeAgain);
  FakeClient& third = addClient();
  third.sends("GET a");
  other.sends({"GET d", "SET d 1"});
  const Received like = node(1).expects("GET a");
  const Received unlike = node(1).expects("GET d");
  const Received write = node(1).expects("SET d 1");
  CHECK(&like.connection() != &unlike.connection());
  CHECK(&write.connection() == &unlike.connection());
  like.connection().reset();
  settle();
  const Received last = node(1).expects("GET a");
  CHECK(&last.connection() != &unlike.connection());
  last.connection().reset();
  settle();
  third.receives(reply_texts::kBrokeAgain);
  unlike.replies(bulk("d") + "+OK\r\n");
  other.receives(bulk("d") + "+OK\r\n");
  clock.advance(11min);
  third.sends("GET a");
  const Received later = node(1).expects("GET a");
  CHECK(&later.connection() == &unlike.connection());
  later.replies(bulk("a"));
  third.receives(bulk("a"));
}

TEST_CASE_METHOD(Suspecting, "what has been answered when it was alone is no suspect any more") {
  client.sends("GET a");
  node(1).expects("GET a").connection().reset();
  const Received again = node(1).expects("GET a");
  std::vector<FakeClient*> others;
  for (int i = 0; i < 30; ++i) {
    others.push_back(&addClient());
    others.back()->sends("GET a");
  }
  again.replies(bulk("1"));
  client.receives(bulk("1"));
  FakeConnection* shared = nullptr;
  for (FakeClient* each : others) {
    const Received read = node(1).expects("GET a");
    shared = &read.connection();
    read.replies(bulk("1"));
    each->takes();
  }
  client.sends("GET a");
  const Received plain = node(1).expects("GET a");
  CHECK(&plain.connection() == shared);
  CHECK(&plain.connection() != &again.connection());
  plain.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Suspecting, "of few reads that went down with a connection each goes alone: any may be it") {
  client.sends("GET a");
  other.sends("SMEMBERS d");
  node(1).expects("GET a");
  node(1).expects("SMEMBERS d").connection().reset();
  const Received first = node(1).expects("GET a");
  const Received second = node(1).expects("SMEMBERS d");
  CHECK(&first.connection() != &second.connection());
  second.connection().reset();
  settle();
  other.receives(reply_texts::kBrokeAgain);
  first.replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Suspecting, "of many reads only the first one goes alone, and those that go down twice") {
  std::vector<FakeClient*> readers;
  const auto keyOf = [](int i) { return "{a}" + std::to_string(i); };
  for (int i = 0; i < 40; ++i) {
    readers.push_back(&addClient());
    readers.back()->sends("GET " + keyOf(i));
  }
  for (int i = 0; i < 39; ++i) node(1).expectsAny();
  node(1).expectsAny().connection().reset();
  settle();
  CHECK(metrics().loneLeases.value() == 1);
  for (int i = 0; i < 40; ++i) node(1).expectsAny();
  // The 39 share a connection again; when that breaks, too, all of them go alone.
  node(1).connection().reset();
  for (const auto& connection : loop.openConnections()) {
    if (connection->peer() == node(1).address()) connection->reset();
  }
  clock.advance(100ms);
  readers[0]->receives(reply_texts::kBrokeAgain);
  CHECK(metrics().loneLeases.value() == static_cast<std::int64_t>(config.leaseMaxAlone));
  for (int i = 1; i < 40; ++i) {
    const Received read = node(1).expectsAny();
    read.replies(bulk(read.words()[1]));
  }
  for (int i = 1; i < 40; ++i) readers[static_cast<std::size_t>(i)]->receives(bulk(keyOf(i)));
}

TEST_CASE_METHOD(Suspecting, "a client's later commands for the slot wait for what is repeated alone") {
  client.sends({"GET a", "GET a"});
  node(1).expects("GET a");
  node(1).expects("GET a").connection().reset();
  const Received first = node(1).expects("GET a");
  client.sends("SET a 2");
  node(1).expectsNothing();
  first.replies(bulk("1"));
  node(1).expects("GET a").replies(bulk("1"));
  node(1).expects("SET a 2").replies(kOk);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("2"));
  client.receives(bulk("1") + bulk("1") + "+OK\r\n" + bulk("2"));
}

TEST_CASE_METHOD(Suspecting,
                 "a write that breaks its connection is ambiguous, and the next like it goes alone") {
  client.sends("GETDEL a");
  node(1).expects("GETDEL a").connection().reset();
  settle();
  client.receives(kAmbiguous);
  client.sends("GETDEL a");
  other.sends("INCR d");
  const Received again = node(1).expects("GETDEL a");
  const Received incr = node(1).expects("INCR d");
  CHECK(&again.connection() != &incr.connection());
  again.connection().reset();
  settle();
  client.receives(kAmbiguous);
  incr.replies(":1\r\n");
  other.receives(":1\r\n");
  CHECK(metrics().ambiguousWrites.value() == 2);
}

TEST_CASE_METHOD(Suspecting, "a client that leaves while its read is repeated alone leaves nothing") {
  client.sends("GET a");
  node(1).expects("GET a").connection().reset();
  const Received again = node(1).expects("GET a");
  client.resets();
  again.replies(bulk("1"));
  CHECK(metrics().loneLeases.value() == 0);
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(Suspecting, "suspects wait for one another when there are no connections for them") {
  config.leaseMaxAlone = 1;
  client.sends("GET a");
  other.sends("GET d");
  node(1).expects("GET a");
  node(1).expects("GET d").connection().reset();
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  node(1).expects("GET d").replies(bulk("2"));
  other.receives(bulk("2"));
  CHECK(control.urgentRefreshes <= 3);
}

TEST_CASE_METHOD(Suspecting, "a request of which a node takes only a part is refused after the second time") {
  const std::string large(2'000'000, 'x');
  settle();
  node(1).takesOnly(100'000);
  limitNewConnections(100'000);
  client.sends("SET a " + large);
  node(1).connection().reset();
  settle();
  other.sends("INCR d");
  const Received incr = node(1).expects("INCR d");
  incr.replies(":1\r\n");
  other.receives(":1\r\n");
  CHECK(metrics().loneLeases.value() == 1);
  for (const auto& connection : loop.openConnections()) {
    if (connection.get() != &incr.connection() && connection->peer() == node(1).address())
      connection->reset();
  }
  settle();
  client.receives(reply_texts::kTooLarge);
  CHECK(metrics().ambiguousWrites.value() == 0);
  // The like goes alone from now on: half of that, too.
  client.sends("SET a " + large.substr(0, 1'100'000));
  settle();
  CHECK(metrics().loneLeases.value() == 1);
  other.sends("INCR d");
  node(1).expects("INCR d").replies(":2\r\n");
  other.receives(":2\r\n");
}

TEST_CASE_METHOD(Suspecting, "a node's limit for requests that it tells of is learned from its error") {
  const std::string large(100'000, 'x');
  client.sends("SET a " + large);
  const Received first = node(1).expectsAny();
  first.connection().push(kProtocolError);
  first.connection().end();
  settle();
  client.receives(kProtocolError);
  client.sends("SET a " + large);
  const Received second = node(1).expectsAny();
  CHECK(metrics().loneLeases.value() == 1);
  other.sends("INCR d");
  const Received incr = node(1).expects("INCR d");
  second.connection().push(kProtocolError);
  second.connection().end();
  settle();
  client.receives(kProtocolError);
  incr.replies(":1\r\n");
  other.receives(":1\r\n");
  CHECK(metrics().ambiguousWrites.value() == 0);
}

TEST_CASE_METHOD(Suspecting, "only what could have kept a node for long is not given to its successor") {
  client.sends("GET a");
  other.sends("SMEMBERS d");
  FakeClient& third = addClient();
  third.sends("LRANGE e 0 1");
  node(1).expects("GET a");
  node(1).expects("SMEMBERS d");
  node(1).expects("LRANGE e 0 1");
  node(1).ignoresConnections();
  clock.advance(1s);
  replaceNode(1, 4);
  clock.advance(1s);
  other.receives(reply_texts::kRanLong);
  node(4).expects("GET a").replies(bulk("1"));
  node(4).expects("LRANGE e 0 1").replies("*0\r\n");
  client.receives(bulk("1"));
  third.receives("*0\r\n");
}

TEST_CASE_METHOD(Suspecting, "a WATCH that ran for long when its node died is not sent to the next one") {
  std::string text = "WATCH";
  for (int i = 0; i < 17; ++i) text += " {a}" + std::to_string(i);
  client.sends(text);
  const Received watch = node(1).expects(text);
  clock.advance(1s);
  watch.connection().reset();
  settle();
  client.receives(reply_texts::kRanLong);
  clock.advance(30s);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Suspecting, "a few keys of which nothing is gone through cannot have kept a node for long") {
  client.sends("MGET a {a}b {a}c");
  node(1).expects("MGET a {a}b {a}c");
  node(1).ignoresConnections();
  clock.advance(1s);
  replaceNode(1, 4);
  clock.advance(1s);
  node(4).expects("MGET a {a}b {a}c").replies("*3\r\n" + bulk("1") + bulk("2") + bulk("3"));
  client.receives("*3\r\n" + bulk("1") + bulk("2") + bulk("3"));
}

TEST_CASE_METHOD(Suspecting, "what had not run for long is repeated as ever") {
  client.sends("SMEMBERS a");
  node(1).expects("SMEMBERS a");
  clock.advance(300ms);
  replaceNode(1, 4);
  node(1).resets();
  node(4).expects("SMEMBERS a").replies("*0\r\n");
  client.receives("*0\r\n");
}

}  // namespace slotless::test
