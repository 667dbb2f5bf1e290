// Connections by a balancer: the header of the PROXY protocol, whom it is believed, and where its address
// counts.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "captured_log.h"
#include "config/listener.h"
#include "stage.h"

namespace slotless::test {

namespace {

using telemetry::Limit;

const std::string kHeader = "PROXY TCP4 10.1.2.3 10.0.0.1 40123 6379\r\n";

std::string localHeader() {
  return std::string("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16);
}

std::string ipv6Header() {
  return std::string("\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x27", 16) + std::string("\xfd\x00", 2) +
         std::string(13, '\0') + "\x07" + std::string(16, '\x01') + std::string("\x9c\x40\x18\xeb", 4) +
         std::string("\x04\x00\x00", 3);
}

struct Balanced : Stage {
  explicit Balanced(const std::string& more = {}) {
    config.listen = {
        *config::parseListen("127.0.0.1:1?proxy-protocol=yes&proxy-protocol-trusted=127.0.0.1" + more).value};
  }
  std::string addressOf(FakeClient& who) {
    who.sends("CLIENT INFO");
    const std::string info = who.takes();
    const std::size_t begin = info.find(" addr=") + 6;
    return info.substr(begin, info.find(' ', begin) - begin);
  }
};

}  // namespace

TEST_CASE_METHOD(Balanced, "a client is known by the address that its header tells") {
  client.sendsBytes(kHeader + request("PING"));
  client.receives(kPong);
  CHECK(addressOf(client) == "10.1.2.3:40123");
  other.sendsBytes(ipv6Header());
  CHECK(addressOf(other) == "[fd00::7]:40000");
  CHECK(metrics().clientsAccepted.value() == 2);
}

TEST_CASE_METHOD(Balanced, "a header that tells of nobody leaves the connection's own address") {
  client.sendsBytes(localHeader() + request("PING"));
  client.receives(kPong);
  CHECK(addressOf(client).starts_with("127.0.0.1:"));
  other.sendsBytes("PROXY UNKNOWN\r\n");
  CHECK(addressOf(other).starts_with("127.0.0.1:"));
}

TEST_CASE_METHOD(Balanced, "a header may come in single bytes, and what follows it is not lost") {
  for (const char c : kHeader + request("PING")) client.sendsBytes(std::string(1, c));
  client.receives(kPong);
  other.connection().setReadChunk(1);
  other.sendsBytes(ipv6Header() + request("PING"));
  other.receives(kPong);
  CHECK(addressOf(client) == "10.1.2.3:40123");
}

TEST_CASE_METHOD(Balanced, "a connection from somebody who is not trusted is closed unread") {
  clientHost = "10.9.9.9";
  client.sendsBytes(kHeader + request("PING"));
  client.receivesNothing();
  CHECK(client.isClosed());
  CHECK(client.connection().readCalls() == 0);
  CHECK(metrics().proxyHeadersRefused.value() == 1);
  clientHost = "/run/a.sock";
  other.sendsBytes(kHeader);
  CHECK(addressOf(other) == "10.1.2.3:40123");
}

TEST_CASE_METHOD(Balanced, "a connection without a good header is closed without a word") {
  const char* bytes =
      GENERATE("*1\r\n$4\r\nPING\r\n", "PROXY TCP9 x\r\n01234567", "PROXY TCP4 1.1.1.1 1.1.1.1 1 x\r\n");
  client.sendsBytes(bytes);
  client.receivesNothing();
  CHECK(client.isClosed());
  CHECK(metrics().proxyHeadersRefused.value() == 1);
  CHECK(metrics().clientsAccepted.value() == 0);
}

TEST_CASE_METHOD(Balanced,
                 "who does not send its header in time is closed, and who checks the port is not counted") {
  client.sendsBytes("PROXY TCP4 ");
  clock.advance(3s);
  other.sendsBytes("PROXY TCP4 ");
  clock.advance(1900ms);
  CHECK_FALSE(client.isClosed());
  clock.advance(200ms);
  CHECK(client.isClosed());
  CHECK_FALSE(other.isClosed());
  other.leaves();
  CHECK(other.isClosed());
  CHECK(metrics().proxyHeadersRefused.value() == 2);
  // A check of the port.
  FakeClient& probe = addClient();
  probe.leaves();
  CHECK(probe.isClosed());
  CHECK(metrics().proxyHeadersRefused.value() == 2);
}

TEST_CASE("what is said about addresses is about those that headers tell") {
  struct Case {
    const char* options;
    bool enters;
    Limit limit;
  };
  const auto& c = GENERATE(values<Case>({
      {"&allow=10.0.0.0/8", true, Limit::Address},
      {"&allow=127.0.0.1", false, Limit::Address},
      {"&deny=10.1.2.3", false, Limit::Address},
      {"&deny=127.0.0.1", true, Limit::Address},
      {"&max-clients-per-address=1", false, Limit::ClientsPerAddress},
      {"&accept-rate-per-address=1", false, Limit::AcceptRate},
  }));
  INFO(c.options);
  Balanced stage(c.options);
  stage.client.sendsBytes(kHeader + request("PING"));
  stage.client.takes();
  // Another client behind the same balancer is no client of that address.
  FakeClient& elsewhere = stage.addClient();
  elsewhere.sendsBytes("PROXY TCP4 10.7.7.7 10.0.0.1 1 1\r\n" + request("PING"));
  elsewhere.takes();
  stage.other.sendsBytes(kHeader + request("PING"));
  stage.other.takes();
  CHECK(stage.other.isClosed() != c.enters);
  CHECK((stage.limitHits(c.limit) > 0) != c.enters);
}

TEST_CASE_METHOD(Balanced, "failed logins delay the address that the header tells, and nobody else") {
  config.users = {"user default off", "user app on >app ~* +@all"};
  client.sendsBytes(kHeader + request("AUTH app wrong"));
  CHECK(client.takes().starts_with("-WRONGPASS"));
  other.sendsBytes("PROXY TCP4 10.7.7.7 10.0.0.1 1 1\r\n" + request("AUTH app app"));
  other.receives("+OK\r\n");
  FakeClient& same = addClient();
  same.sendsBytes(kHeader + request("AUTH app app"));
  same.receivesNothing();
  clock.advance(50ms);
  same.receives("+OK\r\n");
}

TEST_CASE_METHOD(Balanced, "a worker that ends waits for no header") {
  client.sendsBytes("PROXY TCP4 ");
  bool drained = false;
  worker().drain([&] { drained = true; });
  settle();
  CHECK(drained);
  CHECK(client.isClosed());
}

namespace {

struct Crowd : Stage {
  void come(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) crowd.push_back(connectClient(0));
  }
  void leave() {
    for (const auto& each : crowd) each->end();
    settle();
    CHECK(control.clientsGone == crowd.size());
    control.clientsGone = 0;
  }
  std::vector<std::shared_ptr<FakeConnection>> crowd;
};

}  // namespace

TEST_CASE_METHOD(Crowd, "a crowd is taken in over several turns, and served in its order") {
  constexpr std::size_t kCrowd = 50;
  come(kCrowd);
  for (const auto& each : crowd) each->push(request("PING"));
  std::vector<std::size_t> counts;
  while (worker().clientCount() < kCrowd) {
    counts.push_back(worker().clientCount());
    REQUIRE(loop.turn());
  }
  CHECK(counts.size() > 2);
  for (std::size_t i = 1; i < counts.size(); ++i) CHECK(counts[i] - counts[i - 1] <= 16);
  settle();
  for (const auto& each : crowd) CHECK(each->written() == kPong);
  leave();
}

TEST_CASE_METHOD(Crowd, "connections that are not taken in yet are when something changes for all") {
  come(30);
  CHECK(worker().clientCount() < 30);
  SECTION("another configuration") {
    config.tcpKeepalive = 7s;
    worker().setConfig(config);
  }
  SECTION("the end") {
    worker().drain([] {});
  }
  CHECK(worker().clientCount() == 30);
  leave();
}

TEST_CASE_METHOD(Balanced, "refusals are logged, a line a second at most") {
  clock.advance(20s);  // the lines of other tests
  const CapturedLog captured(log::Level::Warn);
  clientHost = "10.9.9.9";
  for (int i = 0; i < 20; ++i) addClient().sendsBytes(kHeader);
  const std::string lines = captured.text();
  CHECK(lines.find("it comes from no trusted address") != std::string::npos);
  CHECK(lines.find("10.9.9.9") != std::string::npos);
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 1);
}

}  // namespace slotless::test
