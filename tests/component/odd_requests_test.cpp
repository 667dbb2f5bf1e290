// Requests that are valid to Redis but not as a node may get them, and those of somebody who speaks HTTP.
#include <string>

#include "batch.h"
#include "captured_log.h"
#include "protocol/key_scheme.h"

namespace slotless::test {

namespace {

struct OddRequests : Stage {
  OddRequests() {
    config.databases = 3;
    config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"},
                             {2, 2, config::DatabaseLayout::Spread, ""}};
  }
  // The one that has got something.
  FakeNode& asked() {
    for (std::size_t i = 1; i < kNodes; ++i) {
      if (node(i).unexpected() > 0) return node(i);
    }
    return node(kNodes);
  }
};
}  // namespace

// FakeNode takes nothing but CRLF: other bytes fail the test.
TEST_CASE_METHOD(OddRequests, "line ends that Redis does not look at never reach a node, in any database") {
  const std::string odd[] = {
      "*3\r.$3\r\nSET\r\n$1\r\na\r\n$1\r\nx\r\n", "*3\r\n$3\r.SET\r\n$1\r\na\r\n$1\r\nx\r\n",
      "*3\r\n$3\r\nSET..$1\r\na\r\n$1\r\nx\r\n",  "*3\r\n$3\r\nSET\r\n$1\r.a\r\n$1\r\nx\r\n",
      "*3\r\n$3\r\nSET\r\n$1\r\na..$1\r\nx\r\n",  "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r.x\r\n",
      "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nx..",  "SET a x\r\n"};
  const std::pair<std::string, std::string> databases[] = {
      {"0", "a"}, {"1", "~1{a}a"}, {"2", protocol::spreadPrefix(2) + "a"}};
  for (const auto& [database, key] : databases) {
    client.sends("SELECT " + database);
    client.receives(kOk);
    for (const std::string& bytes : odd) {
      CAPTURE(database, bytes);
      client.sendsBytes(bytes + request("PING"));
      asked().expects("SET " + key + " x").replies(kOk);
      client.receives("+OK\r\n+PONG\r\n");
    }
  }
}

TEST_CASE_METHOD(OddRequests, "a large odd request arrives whole, in pieces and behind others") {
  const std::string value(100'000, 'v');
  for (const std::string_view database : {"0", "1"}) {
    client.sends("SELECT " + std::string(database));
    client.receives(kOk);
    const std::string key = database == "0" ? "a" : "~1{a}a";
    client.sends("GET a");
    node(1).expects("GET " + key).replies(bulk("1"));
    client.receives(bulk("1"));
    const std::string bytes = "*3\r.$3\r\nSET\r\n$1\r\na..$100000\r." + value + "..";
    for (std::size_t at = 0; at < bytes.size(); at += 30'000) client.sendsBytes(bytes.substr(at, 30'000));
    node(1).expects("SET " + key + " " + value).replies(kOk);
    client.receives(kOk);
  }
}

TEST_CASE_METHOD(OddRequests,
                 "odd requests are right in transactions, scripts and commands over slots, too") {
  client.sendsBytes("MULTI\r\n*2\r.$3\r\nGET\r\n$1\r\na..EXEC\r\n");
  const Batch batch(node(1), {"GET a"});
  batch.replies("*1\r\n$1\r\n1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n" + bulk("1"));
  client.sendsBytes("*3\r.$4\r.MGET..$1\r\na..$1\r\nb..");
  node(1).expects("MGET a").replies("*1\r\n" + bulk("1"));
  node(2).expects("MGET b").replies("*1\r\n" + bulk("2"));
  client.receives("*2\r\n" + bulk("1") + bulk("2"));
  client.sendsBytes("*3\r.$5\r\nBLPOP\r\n$1\r\na..$1\r\n0\r\n");
  node(1).expects("BLPOP a 0").replies("*2\r\n" + bulk("a") + bulk("1"));
  client.receives("*2\r\n" + bulk("a") + bulk("1"));
  client.sendsBytes("*1\r.$4\r.PING..");
  client.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "who speaks HTTP is closed, and nothing behind the first line is carried out") {
  const std::string_view spoken[] = {"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n",
                                     "GET / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n",
                                     "post\r\n",
                                     "host:\r\nSET a 1\r\n",
                                     "\"POST\" x\r\nSET a 1\r\n",
                                     "*1\r\n$4\r\nPOST\r\n*1\r\n$4\r\nPING\r\n"};
  std::size_t count = 0;
  for (const std::string_view bytes : spoken) {
    CAPTURE(bytes);
    FakeClient& each = addClient();
    each.sendsBytes(bytes);
    CHECK(each.isClosed());
    CHECK(metrics().crossProtocol.value() == ++count);
    each.receivesNothing();
  }
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
}

TEST_CASE_METHOD(Stage, "who speaks HTTP is closed in any state, and drops what it had begun") {
  client.sends({"MULTI", "SET a 1"});
  client.receives("+OK\r\n+QUEUED\r\n");
  client.sendsBytes("POST x\r\n");
  CHECK(client.isClosed());
  node(1).expectsNothing();
  other.sends("GET a");
  const Received get = node(1).expects("GET a");
  other.sendsBytes("Host: x\r\n");
  CHECK(other.isClosed());
  get.replies(bulk("1"));
  FakeClient& name = addClient();
  name.sendsBytes("Host:x\r\nPING\r\n");
  name.receives("-ERR unknown command 'Host:x', with args beginning with: \r\n+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "who speaks HTTP is closed before login, too") {
  config.password = "secret";
  client.sendsBytes("POST / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.isClosed());
  client.receivesNothing();
  CHECK(metrics().crossProtocol.value() == 1);
}

TEST_CASE_METHOD(Stage, "who speaks HTTP leaves one line in the log a second, however many there are") {
  constexpr std::string_view kLine = "possible attack: a client has sent POST or Host:";
  clientHost = "10.9.8.7";
  const CapturedLog log(log::Level::Warn);
  const auto speak = [this] {
    for (int i = 0; i < 20; ++i) addClient().sendsBytes(i % 2 == 0 ? "POST / HTTP/1.1\r\n" : "Host: x\r\n");
    settle();
  };
  const auto lines = [&] {
    const std::string text = log.text();
    std::size_t count = 0;
    for (std::size_t at = text.find(kLine); at != std::string::npos; at = text.find(kLine, at + 1)) ++count;
    return count;
  };
  clock.advance(1h);  // other tests may have left theirs
  speak();
  CHECK(lines() == 1);
  CHECK(log.text().find("peer=10.9.8.7:") != std::string::npos);
  clock.advance(1s);
  speak();
  CHECK(lines() == 2);
  CHECK(metrics().crossProtocol.value() == 40);
}

}  // namespace slotless::test
