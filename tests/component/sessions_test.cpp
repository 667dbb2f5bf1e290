// What the proxy itself says to clients: authentication, protocol errors, QUIT, the end of the process.
#include "stage.h"

namespace slotless::test {

namespace {
const std::string kHello2 =
    "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:"
    "1\r\n"
    "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";
}  // namespace

TEST_CASE_METHOD(Stage,
                 "a protocol error is answered behind all earlier replies, and then the client is closed") {
  client.sendsBytes(request("GET a") + request("PING") + "*x\r\n" + request("GET b"));
  const Received a = node(1).expects("GET a");
  client.receivesNothing();
  CHECK_FALSE(client.isClosed());
  a.replies(bulk("1"));
  client.receives(bulk("1") + "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n");
  CHECK(client.isClosed());
  CHECK(metrics().protocolErrors.value() == 1);
}

TEST_CASE_METHOD(Stage, "each kind of protocol error has Redis's text") {
  config.protoMaxBulkLen = config::kMiB;
  const std::pair<std::string_view, std::string_view> errors[] = {
      {"*1\r\n+PING\r\n", "expected '$', got '+'"},    {"*1\r\n$-2\r\n", "invalid bulk length"},
      {"*1\r\n$1048577\r\n", "invalid bulk length"},   {"*99999999999\r\n", "invalid multibulk length"},
      {"GET \"a\r\n", "unbalanced quotes in request"},
  };
  for (const auto& [bytes, text] : errors) {
    FakeClient& each = addClient();
    each.sendsBytes(bytes);
    each.receives("-ERR Protocol error: " + std::string(text) + "\r\n");
    CHECK(each.isClosed());
  }
}

TEST_CASE_METHOD(Stage, "a protocol error of a client that does not read keeps its answer until it does") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sendsBytes("*x\r\n");
  CHECK_FALSE(client.isClosed());
  client.readsAgain();
  client.receives("-ERR Protocol error: invalid multibulk length\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "empty requests are skipped") {
  client.sendsBytes("\r\n*0\r\n*-1\r\n\r\nPING\r\n");
  client.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "QUIT is answered behind all earlier replies, and nothing after it is carried out") {
  client.sends({"GET a", "QUIT", "SET a 2", "PING"});
  const Received a = node(1).expects("GET a");
  client.receivesNothing();
  a.replies(bulk("1"));
  client.receives(bulk("1") + "+OK\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "without a password AUTH is answered as Redis does") {
  client.sends({"AUTH secret", "AUTH default anything", "AUTH somebody secret", "GET a"});
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(
      "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
      "configuration is correct?\r\n+OK\r\n" +
      std::string(kWrongPass) + bulk("1"));
}

TEST_CASE_METHOD(Stage, "a client without the nodes' password can do nothing but log in") {
  config.password = "secret";
  client.sends({"GET a", "PING", "AUTH wrong", "AUTH default wrong", "FLUSHALL", "INFO", "NOSUCH"});
  clock.advance(1s);
  client.receives(std::string(kNoAuth) + std::string(kNoAuth) + std::string(kWrongPass) +
                  std::string(kWrongPass) + std::string(kNoAuth) + std::string(kNoAuth) +
                  "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
  client.sends({"AUTH secret", "GET a"});
  clock.advance(1s);  // as after a wrong password
  node(1).expects("GET a").replies(bulk("1"));
  client.receives("+OK\r\n" + bulk("1"));
  other.sends({"AUTH default secret", "PING"});
  clock.advance(1s);
  other.receives("+OK\r\n+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "one client's password does not let another in") {
  config.password = "secret";
  client.sends("AUTH secret");
  client.receives(kOk);
  other.sends("GET a");
  other.receives(kNoAuth);
}

TEST_CASE_METHOD(Stage, "a client must name the configured user, the default one, or none") {
  config.username = "proxy";
  config.password = "secret";
  client.sends({"AUTH nobody secret", "GET a", "AUTH proxy secret"});
  clock.advance(1s);
  client.receives(std::string(kWrongPass) + std::string(kNoAuth) + "+OK\r\n");
  other.sends({"AUTH secret", "PING"});
  clock.advance(1s);
  other.receives("+OK\r\n+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "clients need no password where that is configured") {
  config.password = "secret";
  config.clientAuth = config::ClientAuth::None;
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "before it has logged in a client may send only short requests") {
  config.password = "secret";
  client.sendsBytes("*11\r\n");
  client.receives("-ERR Protocol error: unauthenticated multibulk length\r\n");
  CHECK(client.isClosed());
  other.sendsBytes("*2\r\n$4\r\nAUTH\r\n$16385\r\n");
  other.receives("-ERR Protocol error: unauthenticated bulk length\r\n");
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(Stage, "HELLO describes one standalone master and refuses protocols that there are not") {
  client.sends({"HELLO", "HELLO 2", "HELLO 4", "HELLO x"});
  client.receives(kHello2 + kHello2 +
                  "-NOPROTO unsupported protocol version\r\n"
                  "-ERR Protocol version is not an integer or out of range\r\n");
}

TEST_CASE_METHOD(Stage, "HELLO logs in and names the client") {
  config.password = "secret";
  client.sends({"HELLO 2", "HELLO 2 AUTH default wrong"});
  client.receives(
      "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> "
      "<pass> option can be used to authenticate the client and select the RESP protocol version at the same "
      "time\r\n" +
      std::string(kWrongPass));
  client.sends({"HELLO 2 AUTH default secret SETNAME me", "CLIENT GETNAME"});
  clock.advance(1s);
  client.receives(kHello2 + bulk("me"));
}

TEST_CASE_METHOD(Stage, "the names and numbers of clients are their own") {
  client.sends({"CLIENT ID", "CLIENT SETNAME one", "CLIENT GETNAME", "SELECT 0"});
  other.sends({"CLIENT ID", "CLIENT GETNAME"});
  client.receives(":1\r\n+OK\r\n$3\r\none\r\n+OK\r\n");
  other.receives(":2\r\n$-1\r\n");
}

TEST_CASE_METHOD(Stage, "a shutdown closes idle clients at once and serves others until they are idle") {
  client.sends({"GET a", "GET b"});
  other.sends("PING");
  other.receives("+PONG\r\n");
  const Received a = node(1).expects("GET a");
  const Received b = node(2).expects("GET b");
  int drained = 0;
  worker().drain([&] { ++drained; });
  CHECK(other.isClosed());
  client.sends("SET c 1");
  const Received c = node(3).expects("SET c 1");
  a.replies(bulk("a"));
  b.replies(bulk("b"));
  client.receives(bulk("a") + bulk("b"));
  CHECK_FALSE(client.isClosed());
  CHECK(drained == 0);
  c.replies(kOk);
  client.receives(kOk);
  CHECK(client.isClosed());
  CHECK(drained == 1);
}

TEST_CASE_METHOD(Stage, "what has come before an idle client is closed is still served") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.connection().push(request("GET a") + request("PING"));
  worker().drain([] {});
  settle();
  node(1).expects("GET a").replies(bulk("a"));
  client.receives(bulk("a") + "+PONG\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "a shutdown closes nobody between MULTI and EXEC, or between WATCH and EXEC") {
  client.sends({"MULTI", "INCR a"});
  client.receives("+OK\r\n+QUEUED\r\n");
  other.sends("WATCH b");
  node(2).expects("WATCH b").replies(kOk);
  other.receives(kOk);
  worker().drain([] {});
  settle();
  CHECK_FALSE(client.isClosed());
  CHECK_FALSE(other.isClosed());
  client.sends("DISCARD");
  client.receives(kOk);
  CHECK(client.isClosed());
  other.sends("UNWATCH");
  node(2).expects("UNWATCH").replies(kOk);
  other.receives(kOk);
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(Stage, "a client that is answered with silence is closed, too") {
  client.sends("CLIENT REPLY OFF");
  settle();
  client.connection().push(request("PING"));
  worker().drain([] {});
  settle();
  CHECK(client.isClosed());
  client.receives("");
}

TEST_CASE_METHOD(Stage, "a shutdown in a hurry closes clients behind their last reply") {
  client.sends({"GET a", "GET b"});
  other.sends("PING");
  other.receives("+PONG\r\n");
  const Received a = node(1).expects("GET a");
  const Received b = node(2).expects("GET b");
  int drained = 0;
  worker().drain([&] { ++drained; });
  worker().hurry();
  CHECK(other.isClosed());
  CHECK_FALSE(client.isClosed());
  CHECK(drained == 0);
  client.sends("SET c 1");
  node(3).expectsNothing();
  b.replies(bulk("b"));
  CHECK(drained == 0);
  a.replies(bulk("a"));
  client.receives(bulk("a") + bulk("b"));
  CHECK(client.isClosed());
  CHECK(drained == 1);
}

TEST_CASE_METHOD(Stage, "a shutdown without clients is over at once") {
  int drained = 0;
  worker().drain([&] { ++drained; });
  CHECK(drained == 1);
}

TEST_CASE_METHOD(Stage, "who has connected and asked nothing yet is served once, unless there is no time") {
  settle();
  client.connection();
  other.connection();
  int drained = 0;
  worker().drain([&] { ++drained; });
  settle();
  CHECK_FALSE(client.isClosed());
  client.sends("PING");
  client.receives("+PONG\r\n");
  CHECK(client.isClosed());
  CHECK_FALSE(other.isClosed());
  worker().hurry();
  CHECK(other.isClosed());
  CHECK(drained == 1);
}

TEST_CASE_METHOD(Stage, "a client that comes during a shutdown is closed, and the end is told only once") {
  int drained = 0;
  worker().drain([&] { ++drained; });
  CHECK(client.isClosed());
  CHECK(drained == 1);
}

TEST_CASE_METHOD(Stage, "a shutdown lets held requests finish") {
  settle();
  node(1).refusesConnections();
  node(1).resets();
  client.sends("SET a 1");
  int drained = 0;
  worker().drain([&] { ++drained; });
  clock.advance(1s);
  CHECK(drained == 0);
  node(1).acceptsConnections();
  clock.advance(3s);
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
  CHECK(drained == 1);
}

TEST_CASE_METHOD(Stage, "a shutdown waits until a slow client has taken its replies") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  client.stopsReading();
  client.sends("ECHO x");
  int drained = 0;
  worker().drain([&] { ++drained; });
  settle();
  CHECK(drained == 0);
  client.readsAgain();
  client.receives(bulk("x"));
  CHECK(drained == 1);
}

}  // namespace slotless::test
