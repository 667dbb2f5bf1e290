// One link by itself: how it comes up and comes back, what it sends, and whom it tells what.
#include "proxy/upstream/link.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "link_bench.h"

namespace slotless::upstream {
namespace {

using net::Millis;
using test::Asker;
using test::OneLink;

TEST_CASE("a link connects, says its handshake and is ready", "[link]") {
  OneLink one;
  CHECK(one.link->state() == LinkState::Idle);
  one.link->open();
  one.link->open();  // once is enough
  CHECK(one.link->state() == LinkState::Connecting);
  one.fake().settle();
  CHECK(one.link->state() == LinkState::Handshaking);
  CHECK(one.connection().written().find("SETNAME") != std::string::npos);
  one.says("+PONG\r\n+OK\r\n");
  CHECK_FALSE(one.link->ready());
  one.says("-ERR unknown subcommand\r\n");
  CHECK_FALSE(one.link->ready());
  one.says("-NOPERM no permissions\r\n");  // nor its number
  CHECK(one.link->ready());
  CHECK(one.ready == 1);
  CHECK(one.connections.size() == 1);
  CHECK(one.link->bytesOpen() == 0);
  CHECK(one.nodeMetrics.connects.value() == 1);
  CHECK(one.fake().nextTimer() == net::TimePoint::max());
}

TEST_CASE("requests of all three forms go out in order, and replies find their askers", "[link]") {
  OneLink one;
  one.bringUp(*one.link);
  std::vector<Asker> askers(3);
  one.link->send(askers[0], "first ", Front::None);
  net::BlockPtr block = one.pool.take(3000);
  block->append(std::string(3000, 'b'));
  one.link->send(askers[1], std::move(block), Front::None);
  net::ByteChain chain(one.pool);
  chain.append(" third");
  one.link->send(askers[2], chain, Front::None);
  CHECK(one.link->inFlight() == 3);
  CHECK(one.connection().written().empty());  // not before the end of the turn
  one.fake().settle();
  CHECK(one.connection().takeWritten() == "first " + std::string(3000, 'b') + " third");
  one.says("+1\r\n$2\r\n");
  one.says("ab\r\n:3");
  one.says("\r\n");
  CHECK(askers[0].outcome == "+1\r\n|");
  CHECK(askers[1].outcome == "$2\r\nab\r\n|");
  CHECK(askers[2].outcome == ":3\r\n|");
  CHECK(one.link->inFlight() == 0);
  CHECK(one.link->bytesOpen() == 0);
}

namespace {
struct Holder final : LeaseHolder {
  void onLeaseReady(Link&) override { heard += "ready|"; }
  bool onPush(Link&, std::string_view push) override {
    heard += push;
    heard += '|';
    return push != ">1\r\n+strange\r\n";
  }
  void onLeaseLost(Link&) override { heard += "lost|"; }
  std::string heard;
};
}  // namespace

TEST_CASE("a holder hears pushes whole, between replies, and when the link comes and goes", "[link]") {
  for (const std::size_t chunk : {1U, 7U, 1000U}) {
    OneLink one;
    Holder holder;
    one.link->setHolder(&holder);
    one.bringUp(*one.link);
    one.connection().setReadChunk(chunk);
    Asker asker;
    const std::string push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n";
    one.says(push);  // while nothing is open
    CHECK(holder.heard == "ready|" + push + "|");
    one.link->send(asker, "GET a", Front::CachingYes);
    one.fake().settle();
    CHECK(one.connection().takeWritten() == "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\nGET a");
    holder.heard.clear();
    one.says("+OK\r\n" + push + "$1\r\n1\r\n" + push);
    CHECK(asker.outcome.find("invalidate") == std::string::npos);
    CHECK(asker.outcome.find("1\r\n") != std::string::npos);
    CHECK(holder.heard == push + "|" + push + "|");
    CHECK(one.link->ready());
    holder.heard.clear();
    one.says(">1\r\n+strange\r\n");
    CHECK(holder.heard == ">1\r\n+strange\r\n|lost|");
    CHECK_FALSE(one.link->ready());
  }
}

TEST_CASE("a push to nobody breaks the connection", "[link]") {
  OneLink one;
  one.bringUp(*one.link);
  one.says(">1\r\n+hello\r\n");
  CHECK_FALSE(one.link->ready());
}

TEST_CASE("an error is told whole however it comes, with the request that it answers", "[link]") {
  for (const std::size_t chunk : {1U, 3U, 100U}) {
    OneLink one;
    one.bringUp(*one.link);
    one.connection().setReadChunk(chunk);
    std::vector<Asker> askers(2);
    one.link->send(askers[0], "GET a", Front::None);
    one.link->send(askers[1], "GET b", Front::Asking);
    one.fake().settle();
    CHECK(one.connection().takeWritten() == "GET a*1\r\n$6\r\nASKING\r\nGET b");
    one.says("-MOVED 1 h:1\r\n+OK\r\n-TRYAGAIN x\r\n");
    CHECK(askers[0].outcome == "error:-MOVED 1 h:1\r\n|");
    CHECK(askers[0].request == "GET a");
    CHECK(askers[1].outcome == "error:-TRYAGAIN x\r\n|");
    CHECK(askers[1].request == "GET b");  // without the ASKING
    CHECK(one.link->ready());
  }
}

TEST_CASE("many pieces are written with as many calls as they need, and go on when there is room", "[link]") {
  OneLink one;
  one.bringUp(*one.link);
  std::vector<Asker> askers(200);
  std::string all;
  for (std::size_t i = 0; i < askers.size(); ++i) {
    net::BlockPtr block = one.pool.take(2500);
    block->append(std::string(2500, static_cast<char>('a' + i % 26)));
    all += block->view();
    one.link->send(askers[i], std::move(block), Front::None);
  }
  one.connection().setWriteCapacity(100001);
  one.connection().setWriteChunk(7777);
  one.fake().settle();
  CHECK(one.connection().written().size() == 100001);
  CHECK(one.connection().watchesWritable());
  one.connection().setWriteCapacity(test::FakeConnection::kUnlimited);
  one.fake().settle();
  CHECK(one.connection().written() == all);
  CHECK_FALSE(one.connection().watchesWritable());
  std::string replies;
  for (std::size_t i = 0; i < askers.size(); ++i) replies += "+OK\r\n";
  one.says(replies);
  for (const Asker& asker : askers) REQUIRE(asker.outcome == "+OK\r\n|");
}

TEST_CASE("when a link is lost, each request learns whether all of it had left", "[link]") {
  OneLink one;
  one.bringUp(*one.link);
  std::vector<Asker> askers(4);
  one.connection().setWriteCapacity(25);
  for (Asker& asker : askers) one.link->send(asker, "0123456789", Front::None);
  one.fake().settle();
  one.says("+OK\r\n");
  one.connection().reset();
  one.fake().settle();
  CHECK(askers[0].outcome == "+OK\r\n|");
  CHECK(askers[1].outcome == "lost:sent|");
  CHECK(askers[2].outcome == "lost:unsent|");
  CHECK(askers[3].outcome == "lost:unsent|");
  for (std::size_t i = 1; i < 4; ++i) CHECK(askers[i].request == "0123456789");
  CHECK(one.lastEstablished);
  CHECK(one.losses == std::vector<std::string>{std::strerror(ECONNRESET)});
  CHECK(one.link->inFlight() == 0);
  CHECK(one.link->state() == LinkState::Handshaking);  // on its way again
  CHECK(one.nodeMetrics.inFlight.value() == 0);
}

TEST_CASE("what a node has answered before its connection broke counts, though a write has failed first",
          "[link]") {
  for (const int error : {EPIPE, ECONNRESET}) {
    OneLink one;
    one.bringUp(*one.link);
    std::vector<Asker> askers(3);
    one.link->send(askers[0], "0123456789", Front::None);
    one.link->send(askers[1], "0123456789", Front::None);
    one.fake().settle();
    one.connection().push("+OK\r\n");
    one.connection().breakOff(error);
    one.link->send(askers[2], "0123456789", Front::None);
    one.flushDirty();  // before anything is read
    one.fake().settle();
    CHECK(askers[0].outcome == "+OK\r\n|");
    CHECK(askers[1].outcome == "lost:sent|");
    CHECK(askers[2].outcome == "lost:unsent|");
    CHECK(one.losses == std::vector<std::string>{std::strerror(error)});
  }
}

TEST_CASE("after a loss the first attempt is made at once, then the pauses double within their jitter",
          "[link]") {
  for (const bool highest : {false, true}) {
    OneLink one;
    one.highest = highest;
    one.bringUp(*one.link);
    one.acceptsConnections = false;
    one.connection().reset();
    one.fake().settle();
    REQUIRE(one.connections.size() == 2);
    std::size_t attempts = 2;
    for (const int full : {100, 200, 400, 800, 1600, 2000, 2000}) {
      INFO(full);
      one.connection().refuse();
      one.fake().settle();
      CHECK(one.link->state() == LinkState::BackingOff);
      CHECK(one.timeToNextTimer() == Millis(highest ? full : full / 2));
      CHECK_FALSE(one.lastEstablished);
      one.fake().advance(one.timeToNextTimer());
      REQUIRE(one.connections.size() == ++attempts);
    }
    // A connection that stands takes the pauses back; one that breaks before it has answered anything waits a
    // little.
    one.connection().accept();
    one.fake().settle();
    one.says("+PONG\r\n+OK\r\n+OK\r\n:7\r\n");
    REQUIRE(one.link->ready());
    one.connection().reset();
    one.fake().settle();
    CHECK(one.connections.size() == attempts);
    one.fake().advance(Millis(100));
    CHECK(one.connections.size() == attempts + 1);
  }
}

TEST_CASE("the time to connect includes the handshake", "[link]") {
  OneLink one;
  one.link->open();
  one.fake().settle();
  one.fake().advance(Millis(1999));
  CHECK(one.link->state() == LinkState::Handshaking);
  one.fake().advance(Millis(1));
  CHECK(one.losses == std::vector<std::string>{"no connection in time"});
  CHECK(one.link->state() == LinkState::BackingOff);
}

TEST_CASE("a refused handshake and a refused connection are lost with their reasons", "[link]") {
  OneLink one;
  one.fake().refuseAtOnce({"127.0.0.1", 7000}, ENETUNREACH);
  one.link->open();
  one.fake().refuseAtOnce({"127.0.0.1", 7000}, 0);
  one.fake().advance(Millis(100));
  one.says("-NOAUTH Authentication required.\r\n");
  REQUIRE(one.losses.size() == 2);
  CHECK(one.losses[0] == std::strerror(ENETUNREACH));
  CHECK(one.losses[1] == "PING refused: NOAUTH Authentication required.");
  CHECK(one.ready == 0);
}

TEST_CASE("a node with a name is looked up for each attempt, its addresses in turn", "[link]") {
  OneLink one(net::Address{"redis-0.example", 7000});
  one.fake().setResolution("redis-0.example", {{"10.0.0.1", "10.0.0.2"}, {}});
  one.link->open();
  one.fake().settle();
  CHECK(one.connection().peer() == net::Address{"10.0.0.1", 7000});
  one.connection().reset();
  one.fake().advance(Millis(100));
  CHECK(one.connection().peer() == net::Address{"10.0.0.2", 7000});
  one.fake().setResolution("redis-0.example", {{}, "no such host"});
  one.connection().reset();
  one.fake().advance(Millis(100));
  CHECK(one.losses.back() == "no such host");
}

TEST_CASE("a look-up that ends too late is not followed", "[link]") {
  OneLink one(net::Address{"redis-0.example", 7000});
  one.fake().setResolution("redis-0.example", {{"10.0.0.1"}, {}});
  one.fake().stallResolving(true);
  one.link->open();
  one.fake().advance(Millis(2000));
  CHECK(one.link->state() == LinkState::BackingOff);
  one.fake().stallResolving(false);
  one.fake().settle();
  CHECK(one.connections.empty());
  one.fake().stallResolving(true);
  one.fake().advance(Millis(100));
  CHECK(one.link->state() == LinkState::Connecting);
  one.link.reset();
  one.fake().stallResolving(false);
  one.fake().settle();
  CHECK(one.connections.empty());
}

TEST_CASE("a request without progress at its turn is late after the reply timeout, if there is one",
          "[link]") {
  for (const bool configured : {true, false}) {
    OneLink one;
    one.settings.replyTimeout = Millis(configured ? 1000 : 0);
    one.bringUp(*one.link);
    std::vector<Asker> askers(2);
    one.touch();
    for (Asker& asker : askers) one.link->send(asker, "x", Front::None);
    one.fake().advance(Millis(900));
    one.says("+OK\r\n");  // progress
    one.fake().advance(Millis(900));
    one.link->checkReplyTimeout(one.fake().now());
    CHECK(one.link->ready());
    one.fake().advance(Millis(101));
    one.link->checkReplyTimeout(one.fake().now());
    one.link->checkReplyTimeout(one.fake().now());  // told once
    CHECK(one.link->ready());
    CHECK(askers[0].outcome == "+OK\r\n|");
    CHECK(askers[1].outcome == (configured ? "late|" : ""));
    one.says("+LATE\r\n");
    CHECK(one.link->ready());
    CHECK(one.link->inFlight() == 0);
    CHECK(askers[1].outcome == (configured ? "late|" : "+LATE\r\n|"));
  }
}

TEST_CASE("what nobody asked for, garbage, and a reply before its request break the link", "[link]") {
  OneLink one;
  one.bringUp(*one.link);
  SECTION("one reply too many") {
    Asker asker;
    one.link->send(asker, "x", Front::None);
    one.fake().settle();
    one.says("+OK\r\n+OK\r\n");
    CHECK(asker.outcome == "+OK\r\n|");
    CHECK(one.losses == std::vector<std::string>{"a reply that nobody asked for"});
  }
  SECTION("garbage") {
    Asker asker;
    one.link->send(asker, "x", Front::None);
    one.fake().settle();
    one.says("garbage\r\n");
    CHECK(asker.outcome == "lost:sent|");
    CHECK(one.losses == std::vector<std::string>{"a reply that is not RESP"});
  }
  SECTION("a reply before its request was sent") {
    Asker asker;
    one.connection().setWriteCapacity(5);
    one.link->send(asker, "0123456789", Front::None);
    one.fake().settle();
    one.says("+OK\r\n");
    CHECK(asker.outcome == "lost:unsent|");
    CHECK(one.losses == std::vector<std::string>{"a reply before its request was sent"});
  }
  SECTION("a refusal before its request was sent") {
    std::vector<Asker> askers(2);
    one.connection().setWriteCapacity(5);
    for (Asker& asker : askers) one.link->send(asker, "0123456789", Front::None);
    one.fake().settle();
    one.says("-ERR Protocol error: invalid bulk length\r\n");
    CHECK(askers[0].outcome == "error:-ERR Protocol error: invalid bulk length\r\n|");
    CHECK(askers[1].outcome == "lost:unsent|");
    CHECK(one.losses == std::vector<std::string>{"a request refused before it was sent"});
  }
  SECTION("an error reply without an end") {
    Asker asker;
    one.link->send(asker, "x", Front::None);
    one.fake().settle();
    one.says("-" + std::string(2U << 20, 'e'));
    CHECK(asker.outcome == "lost:sent|");
    CHECK(one.losses == std::vector<std::string>{"an error reply without an end"});
  }
}

}  // namespace
}  // namespace slotless::upstream
