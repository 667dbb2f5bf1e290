// One connection by itself: how it comes up, what it passes on, and how it ends.
#include "proxy/upstream/connection.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "fake_loop.h"
#include "proxy/upstream/backoff.h"

namespace slotless::upstream {
namespace {

using net::Millis;
using test::FakeConnection;

// A connection to a node that accepts and greets, unless a test says otherwise before open().
class OneConnection : public Connection::Owner {
 public:
  virtual ~OneConnection() = default;
  OneConnection() {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& made) {
      connections.push_back(made);
      if (accepts) made->accept();
    };
    make({"127.0.0.1", 7000});
  }
  void make(net::Address node) {
    connection = std::make_unique<Connection>(loop, scratch, std::move(node), &metrics, *this);
  }
  void open(std::size_t attempt = 0) {
    connection->open(Handshake(access), Millis(1000), attempt);
    CHECK(heard.empty());  // never from within
    loop.settle();
  }
  void bringUp() {
    open();
    says("+PONG\r\n+OK\r\n");
    REQUIRE(heard == "greeting|up|");
    heard.clear();
    fake().takeWritten();
  }
  FakeConnection& fake() { return *connections.back(); }
  void says(std::string_view bytes) {
    fake().push(bytes);
    loop.settle();
  }

  test::FakeLoop loop;
  std::string scratch = std::string(64, '\0');
  telemetry::NodeMetrics metrics;
  Access access;
  bool accepts = true;
  std::vector<std::shared_ptr<FakeConnection>> connections;
  std::unique_ptr<Connection> connection;
  std::string heard;
  // What the owner does when it is told.
  std::function<void()> onTold = [] {};

 private:
  void tell(std::string word) {
    heard += word + "|";
    const auto action = onTold;  // it may put another one in its place
    action();
  }
  void onGreeting() override { heard += "greeting|"; }
  void onConnectionUp() override { tell("up"); }
  void onBytes(std::string_view bytes) override { tell(std::string(bytes)); }
  void onRoom() override { tell("room"); }
  void onConnectionLost(std::string_view reason) override {
    CHECK(connection->isClosed());
    tell("lost: " + std::string(reason));
  }
};

}  // namespace

TEST_CASE_METHOD(OneConnection, "a connection greets with what it has to say first, then it is its owner's",
                 "[connection]") {
  access = {"app", "pw", "slotless"};
  open();
  CHECK(fake().written().starts_with("*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$2\r\npw\r\n"));
  CHECK(fake().written().find("SETNAME") != std::string::npos);
  CHECK(heard == "greeting|");
  says("+OK\r\n+PONG\r\n+OK\r\n");
  CHECK_FALSE(connection->isUp());
  says("+OK\r\n");
  CHECK(connection->isUp());
  CHECK(heard == "greeting|up|");
  CHECK(loop.nextTimer() == net::TimePoint::max());
  says("hello");
  CHECK(heard == "greeting|up|hello|");
  CHECK(metrics.bytesReceived.value() == 27);
  CHECK(metrics.bytesSent.value() == fake().written().size());
}

TEST_CASE_METHOD(OneConnection, "a name is looked up, its addresses are tried in turn, and it stays known",
                 "[connection]") {
  make({"redis.example", 7000});
  loop.setResolution("redis.example", {{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, {}});
  accepts = false;
  open(4);
  REQUIRE(connections.size() == 1);
  CHECK(fake().peer() == net::Address{"10.0.0.2", 7000});
  fake().refuse();
  loop.refuseAtOnce({"10.0.0.3", 7000}, ENETUNREACH);
  loop.settle();
  CHECK(heard.empty());
  CHECK(fake().peer() == net::Address{"10.0.0.1", 7000});
  fake().accept();
  loop.settle();
  CHECK(heard == "greeting|");
  CHECK(connection->node() == net::Address{"redis.example", 7000});
}

TEST_CASE_METHOD(OneConnection, "each way of not coming up is told once, with its reason, never from within",
                 "[connection]") {
  std::string reason;
  SECTION("an unknown name") {
    make({"redis.example", 7000});
    loop.setResolution("redis.example", {{}, "no such host"});
    open();
    reason = "no such host";
  }
  SECTION("a name that is not answered") {
    make({"redis.example", 7000});
    loop.stallResolving(true);
    open();
    loop.advance(Millis(1000));
    reason = "no connection in time";
  }
  SECTION("refused at once") {
    loop.refuseAtOnce({"127.0.0.1", 7000}, ENETUNREACH);
    open();
    reason = std::strerror(ENETUNREACH);
  }
  SECTION("refused later") {
    accepts = false;
    open();
    fake().refuse();
    loop.settle();
    reason = std::strerror(ECONNREFUSED);
  }
  SECTION("silence") {
    accepts = false;
    open();
    loop.advance(Millis(999));
    CHECK(heard.empty());
    loop.advance(Millis(1));
    reason = "no connection in time";
  }
  SECTION("silence after one address has refused") {
    make({"redis.example", 7000});
    loop.setResolution("redis.example", {{"10.0.0.1", "10.0.0.2"}, {}});
    accepts = false;
    open();
    fake().refuse();
    loop.advance(Millis(1000));
    reason = std::strerror(ECONNREFUSED);
  }
  SECTION("half a greeting") {
    open();
    says("+PONG\r\n");
    heard.clear();
    loop.advance(Millis(1000));
    reason = "no connection in time";
  }
  SECTION("a refused greeting") {
    open();
    heard.clear();
    says("-NOAUTH Authentication required.\r\n");
    reason = "PING refused: NOAUTH Authentication required.";
  }
  SECTION("a refusal that comes with the end, before all is written") {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& made) {
      connections.push_back(made);
      made->accept();
      made->push("-ERR max number of clients reached\r\n");
      made->breakOff(EPIPE);
    };
    open();
    heard = heard.substr(std::string("greeting|").size());
    reason = "PING refused: ERR max number of clients reached";
  }
  CHECK(heard == "lost: " + reason + "|");
  loop.advance(Millis(5000));
  CHECK(heard == "lost: " + reason + "|");
  CHECK(loop.openConnections().empty());
}

TEST_CASE_METHOD(OneConnection, "what does not go at once goes when there is room", "[connection]") {
  bringUp();
  fake().setWriteCapacity(5);
  CHECK(connection->write("0123456789").bytes == 5);
  CHECK(fake().watchesWritable());
  loop.settle();
  CHECK(heard.empty());
  onTold = [this] { CHECK(connection->write("56789").bytes == 5); };
  fake().setWriteCapacity(FakeConnection::kUnlimited);
  loop.settle();
  CHECK(heard == "room|");
  CHECK(fake().written() == "0123456789");
  CHECK_FALSE(fake().watchesWritable());
}

TEST_CASE_METHOD(OneConnection, "a chain is written from where it is told, and up to a limit at a time",
                 "[connection]") {
  bringUp();
  net::BlockPool pool;
  net::ByteChain chain(pool);
  chain.append("sent" + std::string(1000, 'x'));
  fake().setWriteChunk(300);
  const auto written = connection->write(chain, 4, 500);
  CHECK(written.bytes == 600);
  CHECK(written.error == 0);
  CHECK(fake().watchesWritable());
  CHECK(fake().written() == std::string(600, 'x'));
}

TEST_CASE_METHOD(OneConnection, "a write that fails does not come before what the node has said",
                 "[connection]") {
  bringUp();
  fake().push("last words");
  fake().breakOff(ECONNRESET);
  const auto written = connection->write("x");
  CHECK(written.bytes == 0);
  CHECK(written.error == 0);
  CHECK(heard.empty());
  loop.settle();
  CHECK(heard == "last words|lost: " + std::string(std::strerror(ECONNRESET)) + "|");
}

TEST_CASE_METHOD(OneConnection, "a write that fails otherwise is told to whoever writes", "[connection]") {
  bringUp();
  fake().reset(EIO);
  const auto written = connection->write("x");
  CHECK(written.error == EIO);
  CHECK(connection->describe(written.error) == std::strerror(EIO));
  CHECK(heard.empty());
}

TEST_CASE_METHOD(OneConnection, "nothing is read while reading is off", "[connection]") {
  bringUp();
  connection->setReading(false);
  says("abc");
  CHECK(heard.empty());
  CHECK(connection->write("x").bytes == 1);
  says("def");
  CHECK(heard.empty());
  connection->setReading(true);
  loop.settle();
  CHECK(heard == "abcdef|");
}

// As TLS does: what it has decrypted it holds itself, and no poll tells of it.
TEST_CASE_METHOD(OneConnection, "what the stream holds back is read without an event for it",
                 "[connection]") {
  bringUp();
  fake().holdBack(true);
  SECTION("all of it") {
    says(std::string(150, 'x'));
    CHECK(heard == std::string(64, 'x') + "|" + std::string(64, 'x') + "|" + std::string(22, 'x') + "|");
  }
  SECTION("in several turns, so that others get theirs") {
    fake().push(std::string(64 * 9, 'x'));
    std::vector<std::size_t> perTurn;
    while (loop.turn()) {
      perTurn.push_back(heard.size() / 65);
      heard.clear();
    }
    CHECK(perTurn == std::vector<std::size_t>{4, 4, 1});
  }
  SECTION("but not once reading is off, and then when it is on again") {
    onTold = [this] { connection->setReading(false); };
    says(std::string(150, 'x'));
    CHECK(heard.size() == 65);
    loop.advance(Millis(100));
    CHECK(heard.size() == 65);
    onTold = [] {};
    connection->setReading(true);
    loop.settle();
    CHECK(heard.size() == 153);
  }
  SECTION("nor once the owner has closed it, or destroyed it") {
    for (const bool destroys : {false, true}) {
      onTold = [this, destroys] { destroys ? connection.reset() : connection->close(); };
      says(std::string(150, 'x'));
      CHECK(heard.size() == 65);
      if (destroys) break;
      onTold = [] {};
      heard.clear();
      bringUp();
      fake().holdBack(true);
    }
  }
  SECTION("and no more than its owner wants at a time") {
    connection->limitReads(50);
    says(std::string(60, 'x'));
    CHECK(heard == std::string(50, 'x') + "|" + std::string(10, 'x') + "|");
  }
}

TEST_CASE_METHOD(OneConnection, "a connection may be opened again, or destroyed, when it is lost",
                 "[connection]") {
  bringUp();
  SECTION("opened again") {
    onTold = [this] {
      onTold = [] {};
      connection->open(Handshake(access), Millis(1000));
    };
    fake().end();
    loop.settle();
    CHECK(heard == "lost: closed by the node|greeting|");
    CHECK(connections.size() == 2);
  }
  SECTION("destroyed") {
    onTold = [this] { connection.reset(); };
    fake().end();
    loop.settle();
    CHECK(heard == "lost: closed by the node|");
  }
}

TEST_CASE("pauses between attempts double up to the longest, with jitter, and begin anew after success",
          "[connection]") {
  Backoff backoff;
  const auto lowest = [](std::uint32_t) { return 0U; };
  const auto highest = [](std::uint32_t bound) { return bound - 1; };
  CHECK(backoff.afterLoss(true, Millis(50), Millis(2000), lowest) == Millis(0));
  CHECK(backoff.afterLoss(false, Millis(50), Millis(2000), highest) == Millis(100));
  CHECK(backoff.afterLoss(false, Millis(50), Millis(2000), lowest) == Millis(100));
  for (int i = 0; i < 100; ++i) backoff.afterLoss(false, Millis(50), Millis(2000), lowest);
  CHECK(backoff.afterLoss(false, Millis(50), Millis(2000), highest) == Millis(2000));
  backoff.standing();
  CHECK(backoff.failures() == 1);
  CHECK(backoff.afterLoss(true, Millis(50), Millis(2000), lowest) == Millis(50));
  backoff.ofUse();
  CHECK(backoff.afterLoss(true, Millis(50), Millis(2000), lowest) == Millis(0));
}

}  // namespace slotless::upstream
