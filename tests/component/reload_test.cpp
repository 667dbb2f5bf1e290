// What another configuration changes on a worker that is at work: one test for each reloadable option that
// concerns it.
#include "stage.h"

namespace slotless::test {

namespace {

// The worker is at work with the old configuration; the test changes `config` and gives it to the worker.
struct ReloadStage : Stage {
  ReloadStage() {
    client.sends("PING");
    client.receives("+PONG\r\n");
  }
  void reload() {
    worker().setConfig(config);
    settle();
  }
};

}  // namespace

TEST_CASE_METHOD(ReloadStage, "reload: cross-slot counts from the next request on") {
  client.sends("MSET a 1 b 2");
  const Received a = node(1).expects("MSET a 1");
  const Received b = node(2).expects("MSET b 2");
  config.crossSlot = config::CrossSlot::Error;
  reload();
  a.replies(kOk);
  b.replies(kOk);
  client.receives(kOk);
  client.sends("MSET a 1 b 2");
  client.receives("-CROSSSLOT Keys in request don't hash to the same slot\r\n");
}

TEST_CASE_METHOD(ReloadStage, "reload: strict-order") {
  config.strictOrder = true;
  reload();
  client.sends({"SET a 1", "SET b 2"});
  const Received a = node(1).expects("SET a 1");
  node(2).expectsNothing();
  a.replies(kOk);
  node(2).expects("SET b 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(ReloadStage, "reload: password and client-auth") {
  config.password = "secret";
  config.clientAuth = config::ClientAuth::None;
  reload();
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  config.clientAuth = config::ClientAuth::Same;
  reload();
  client.sends("GET a");
  client.receives("-NOAUTH Authentication required.\r\n");
  client.sends("AUTH secret");
  client.receives(kOk);
  config.password = "another";
  reload();
  other.sends("AUTH secret");
  other.receives("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  // Who is in stays in, as with Redis.
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(ReloadStage,
                 "reload: link-client-name and access count for connections that are made then") {
  config.linkHeartbeat = 0ms;
  config.linkClientName = "another";
  reload();
  upstream::Access access{"me", "secret"};
  access.generation = 1;
  worker().setAccess(access);  // what is told to connections that stand: credentials_test.cpp
  settle();
  const std::size_t before = node(1).handshakes().size();
  clock.advance(1min);
  CHECK(node(1).handshakes().size() == before);
  node(1).resets();
  clock.advance(1s);
  REQUIRE(node(1).handshakes().size() > before);
  std::string said;
  for (std::size_t i = before; i < node(1).handshakes().size(); ++i) said += node(1).handshakes()[i] + "; ";
  INFO(said);
  CHECK(said.find("AUTH me secret") != std::string::npos);
  CHECK(said.find("CLIENT SETNAME another") != std::string::npos);
}

TEST_CASE_METHOD(ReloadStage, "reload: allow-admin-commands") {
  client.sends("CONFIG SET hz 20");
  client.receives(
      "-ERR 'config|set' administers a server: Slotless refuses it unless allow-admin-commands is set\r\n");
  config.allowAdminCommands = true;
  reload();
  client.sends("CONFIG SET hz 20");
  for (const std::size_t number : {1U, 2U, 3U}) node(number).expects("CONFIG SET hz 20").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(ReloadStage, "reload: client-idle-timeout") {
  clock.advance(10s);
  CHECK_FALSE(client.isClosed());
  config.clientIdleTimeout = 5s;
  reload();
  clock.advance(2s);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(ReloadStage, "reload: proto-max-bulk-len and client-query-buffer-limit") {
  config.protoMaxBulkLen = 4;
  reload();
  client.sends("SET a 12345");
  client.receives("-ERR Protocol error: invalid bulk length\r\n");
  CHECK(client.isClosed());
  config.protoMaxBulkLen = 1000;
  config.clientQueryBufferLimit = 100;
  reload();
  other.sends("SET a " + std::string(200, 'x'));
  CHECK(other.takes().starts_with("-ERR Protocol error"));
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(ReloadStage, "reload: client-max-in-flight") {
  config.clientMaxInFlight = 1;
  reload();
  client.sends({"SET a 1", "SET b 2"});
  const Received a = node(1).expects("SET a 1");
  node(2).expectsNothing();
  a.replies(kOk);
  node(2).expects("SET b 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(ReloadStage, "reload: client-login-timeout counts for clients that are there already") {
  config.password = "secret";
  reload();
  clock.advance(30s);
  CHECK_FALSE(client.isClosed());
  config.clientLoginTimeout = 20s;
  reload();
  clock.advance(2s);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(ReloadStage, "reload: client-max-watched-keys and client-max-subscriptions") {
  config.clientMaxWatchedKeys = 1;
  config.clientMaxSubscriptions = 1;
  reload();
  client.sends("WATCH {a}1 {a}2");
  CHECK(client.takes().starts_with("-ERR A client cannot watch more than 1 keys"));
  client.sends("SUBSCRIBE a b");
  CHECK(client.takes().starts_with("-ERR A client cannot have more than 1 subscriptions"));
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
}

TEST_CASE_METHOD(ReloadStage, "reload: client-output-soft-limit counts for clients that are there already") {
  config.clientOutputSoftLimit = 100;
  reload();
  client.stopsReading();
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk(std::string(200, 'x')));
  client.sends("GET a");
  node(1).expectsNothing();
  client.readsAgain();
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk(std::string(200, 'x')) + bulk("1"));
}

TEST_CASE_METHOD(ReloadStage, "reload: client-output-hard-limit") {
  config.clientOutputHardLimit = 100;
  reload();
  client.stopsReading();
  client.sends({"GET a", "GET a", "GET a"});
  const Received first = node(1).expects("GET a");
  for (int i = 0; i < 2; ++i) node(1).expects("GET a");
  first.replies(bulk(std::string(60, 'x')) + bulk(std::string(60, 'x')));
  CHECK_FALSE(client.isClosed());
  first.replies(bulk(std::string(60, 'x')));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(ReloadStage,
                 "reload: link-max-in-flight-bytes, raised, lets waiting requests go on at once") {
  config.linkMaxInFlightBytes = 1;
  reload();
  client.sends("SET a 1");
  const Received first = node(1).expects("SET a 1");
  other.sends("SET a 2");
  node(1).expectsNothing();
  config.linkMaxInFlightBytes = 1000;
  reload();
  const Received second = node(1).expects("SET a 2");
  first.replies(kOk);
  second.replies(kOk);
  client.receives(kOk);
  other.receives(kOk);
}

TEST_CASE_METHOD(ReloadStage, "reload: lease-max-blocking, raised, lets waiting clients go on at once") {
  config.leaseMaxBlocking = 1;
  reload();
  client.sends("BLPOP a 0");
  const Received first = node(1).expects("BLPOP a 0");
  other.sends("BLPOP d 0");
  node(1).expectsNothing();
  config.leaseMaxBlocking = 2;
  reload();
  const Received second = node(1).expects("BLPOP d 0");
  first.replies("*-1\r\n");
  second.replies("*-1\r\n");
  client.receives("*-1\r\n");
  other.receives("*-1\r\n");
}

TEST_CASE_METHOD(ReloadStage, "reload: lease-max-transactions") {
  config.leaseMaxTransactions = 1;
  reload();
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  other.sends("WATCH d");
  node(1).expectsNothing();
  config.leaseMaxTransactions = 2;
  reload();
  node(1).expects("WATCH d").replies(kOk);
  other.receives(kOk);
}

TEST_CASE_METHOD(ReloadStage, "reload: connect-timeout, and reconnect-backoff-min and -max") {
  config.connectTimeout = 100ms;
  config.reconnectBackoffMin = 10s;
  config.reconnectBackoffMax = 10s;
  reload();
  const std::size_t before = node(1).connects();
  node(1).ignoresConnections();
  node(1).resets();
  clock.advance(50ms);
  CHECK(node(1).connects() == before + 1);
  clock.advance(4s);
  CHECK(node(1).connects() == before + 1);
  node(1).acceptsConnections();
  clock.advance(7s);
  CHECK(node(1).connects() == before + 2);
}

TEST_CASE_METHOD(ReloadStage, "reload: reply-timeout counts for requests that are under way") {
  client.sends("SET a 1");
  node(1).expects("SET a 1");
  node(1).ignoresConnections();  // it is busy
  clock.advance(1min);
  client.receivesNothing();
  config.replyTimeout = 1s;
  reload();
  clock.advance(100ms);
  CHECK(client.takes().starts_with("-AMBIGUOUS The node did not answer in time"));
}

TEST_CASE_METHOD(ReloadStage,
                 "reload: hold-timeout, hold-max-requests and hold-max-bytes count for what is held then") {
  giveSlot("a", 0);
  config.holdTimeout = 2s;
  reload();
  client.sends("GET a");
  clock.advance(3s);
  client.receives(kNoMaster);
  config.holdMaxRequests = 0;
  reload();
  client.sends("GET a");
  client.receives(kNoMaster);
  config.holdMaxRequests = 10;
  config.holdMaxBytes = 10;
  reload();
  client.sends({"GET a", "GET a"});
  CHECK(metrics().heldRequests.value() == 1);
  CHECK_FALSE(client.isRead());
  clock.advance(5s);
  client.receives(std::string(kNoMaster) + std::string(kNoMaster));
}

}  // namespace slotless::test
