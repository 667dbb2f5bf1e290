// One node is asked a few commands on a connection of its own: one call back, with all replies or an error.
#include "proxy/discovery/node_query.h"

#include <hiredis/hiredis.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "fake_loop.h"
#include "greeting.h"
#include "protocol/encoder.h"
#include "proxy/upstream/own_reply_limits.h"

namespace slotless::discovery {
namespace {

using net::Millis;
using test::FakeConnection;

// One query to a node that accepts, unless a test says otherwise before ask().
class Asked {
 public:
  Asked() {
    loop.onConnect = [](const auto& made) { test::acceptAndGreet(*made); };
  }
  ~Asked() { CHECK(loop.openConnections().empty()); }

  void ask(const upstream::Access& credentials = {}) {
    query = std::make_unique<NodeQuery>(
        loop, net::Address{"127.0.0.1", 7000}, credentials,
        std::vector<std::vector<std::string_view>>{{"CLUSTER", "SLOTS"}, {"INFO", "server"}}, Millis(500),
        [this](QueryResult answer) {
          ++calls;
          result = std::move(answer);
          if (!keeps) query.reset();
        });
    CHECK(calls == 0);
    if (const auto open = loop.openConnections(); !open.empty()) connection = open.front();
    loop.settle();
  }
  void says(std::string_view bytes) {
    connection->push(bytes);
    loop.settle();
  }
  void fails(std::string_view error) {
    CHECK(calls == 1);
    CHECK(result.error == error);
    CHECK(result.replies.empty());
    CHECK(loop.nextTimer() == net::TimePoint::max());
  }

  test::FakeLoop loop;
  std::unique_ptr<NodeQuery> query;
  std::shared_ptr<FakeConnection> connection;
  QueryResult result;
  int calls = 0;
  bool keeps = false;  // the query that has called back
};

std::string request(const std::vector<std::string_view>& argv) {
  std::string out;
  protocol::appendRequest(out, argv);
  return out;
}
const std::string kGreeting(test::kGreeting);
const std::string kCommands = request({"CLUSTER", "SLOTS"}) + request({"INFO", "server"});

TEST_CASE_METHOD(Asked, "all commands go out at once and all replies come back in order", "[query]") {
  ask();
  CHECK(connection->written() == kGreeting + kCommands);
  says("*0\r\n");
  CHECK(calls == 0);
  says("+inf");
  says("o\r\n");
  REQUIRE(calls == 1);
  CHECK(result.error.empty());
  REQUIRE(result.replies.size() == 2);
  CHECK(result.replies[0]->type == REDIS_REPLY_ARRAY);
  CHECK(result.replies[1]->str == std::string("info"));
  CHECK(connection->closed());
  CHECK(loop.nextTimer() == net::TimePoint::max());
}

TEST_CASE_METHOD(Asked, "replies may come byte by byte, and requests go out in pieces", "[query]") {
  loop.onConnect = [](const auto& made) {
    made->accept();
    made->setWriteChunk(3);
    made->setReadChunk(1);
  };
  ask({"app", "pw"});
  CHECK(connection->written() == request({"AUTH", "app", "pw"}) + kGreeting);
  says("+OK\r\n" + std::string(test::kGreeted));
  CHECK(connection->written() == request({"AUTH", "app", "pw"}) + kGreeting + kCommands);
  says("*1\r\n:1\r\n$2\r\nab\r\n");
  REQUIRE(calls == 1);
  CHECK(result.replies.size() == 2);
}

TEST_CASE_METHOD(Asked, "an error is an answer like others, but not to AUTH", "[query]") {
  SECTION("to a command") {
    ask();
    says("-NOPERM no\r\n-ERR no\r\n");
    REQUIRE(result.replies.size() == 2);
    CHECK(result.replies[0]->type == REDIS_REPLY_ERROR);
    CHECK(result.error.empty());
  }
  SECTION("to AUTH") {
    loop.onConnect = [](const auto& made) { made->accept(); };
    ask({"", "secret"});
    says("-WRONGPASS invalid\r\n-NOAUTH x\r\n-NOAUTH x\r\n");
    fails("AUTH refused: WRONGPASS invalid");
  }
  SECTION("to AUTH, with the password in it") {
    loop.onConnect = [](const auto& made) { made->accept(); };
    ask({"", "secret"});
    says("-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n");
    fails("AUTH refused: ERR unknown command 'AUTH'");
  }
}

TEST_CASE_METHOD(Asked, "each way of failing gives one error", "[query]") {
  SECTION("refused at once") {
    loop.refuseAtOnce({"127.0.0.1", 7000}, ENETUNREACH);
    ask();
    fails(std::strerror(ENETUNREACH));
  }
  SECTION("refused later") {
    loop.onConnect = [](const auto& made) { made->refuse(); };
    ask();
    fails(std::strerror(ECONNREFUSED));
  }
  SECTION("never connected") {
    loop.onConnect = nullptr;
    ask();
    loop.advance(Millis(499));
    CHECK(calls == 0);
    loop.advance(Millis(1));
    fails("no connection in time");
  }
  SECTION("half an answer") {
    ask();
    says("*0\r\n$10\r\nabc");
    loop.advance(Millis(500));
    fails("no answer in time");
  }
  SECTION("closed") {
    ask();
    connection->push("*0\r\n");
    connection->end();
    loop.settle();
    fails("closed by the node");
  }
  SECTION("reset") {
    ask();
    connection->reset();
    loop.settle();
    fails(std::strerror(ECONNRESET));
  }
  SECTION("garbage") {
    ask();
    says("HTTP/1.1 200 OK\r\n");
    fails("the answer is not RESP, or too long");
  }
}

TEST_CASE_METHOD(Asked, "an answered query can ask again on its connection", "[query]") {
  keeps = true;
  loop.onConnect = [](const auto& made) { made->accept(); };
  ask({"app", "pw"});
  CHECK_FALSE(query->reusable());
  says("+OK\r\n" + std::string(test::kGreeted));
  const std::size_t before = connection->written().size();
  says("*0\r\n+info\r\n");
  REQUIRE(query->reusable());
  CHECK(loop.nextTimer() == net::TimePoint::max());
  const auto again = [this] {
    query->again({{"PING"}}, Millis(300), [this](QueryResult answer) {
      ++calls;
      result = std::move(answer);
    });
    loop.settle();
  };
  SECTION("and is answered") {
    again();
    CHECK_FALSE(query->reusable());
    CHECK(connection->written().substr(before) == request({"PING"}));
    says("+PONG\r\n");
    CHECK(calls == 2);
    CHECK(result.error.empty());
    REQUIRE(result.replies.size() == 1);
    CHECK(result.replies[0]->str == std::string("PONG"));
    CHECK(query->reusable());
  }
  SECTION("and is not answered in time") {
    again();
    loop.advance(Millis(300));
    CHECK(result.error == "no answer in time");
    CHECK(result.replies.empty());
    CHECK_FALSE(query->reusable());
  }
  SECTION("but not after the node has closed it") {
    connection->end();
    loop.settle();
    CHECK_FALSE(query->reusable());
    CHECK(calls == 1);
  }
  SECTION("nor after it has said what nobody asked") {
    says("+what\r\n");
    CHECK_FALSE(query->reusable());
    CHECK(calls == 1);
  }
  query.reset();
}

TEST_CASE_METHOD(Asked, "a query that is destroyed never calls back", "[query]") {
  ask();
  query.reset();
  CHECK(connection->closed());
  loop.advance(Millis(1000));
  CHECK(calls == 0);
}

// What a broken or hostile node makes the proxy hold is limited, however it says it.
TEST_CASE_METHOD(Asked, "a node that answers without end is cut off", "[query]") {
  ask();
  const std::string piece(std::size_t{1024} * 1024, 'x');
  says("$1000000000\r\n");
  for (std::size_t i = 0; i < upstream::kMaxOwnReplyBytes / piece.size() && calls == 0; ++i) says(piece);
  fails("the answer is not RESP, or too long");
}

TEST_CASE_METHOD(Asked, "a node that announces more elements than fit is cut off before they come",
                 "[query]") {
  ask();
  says("*2147483647\r\n");
  fails("the answer is not RESP, or too long");
}

TEST_CASE_METHOD(Asked, "a node that sends small elements without end is cut off", "[query]") {
  ask();
  std::string piece;
  for (int i = 0; i < 1000; ++i) piece += "*3\r\n:1\r\n:2\r\n*0\r\n";
  says("*900000\r\n");
  for (int i = 0; i < 900 && calls == 0; ++i) says(piece);
  fails("the answer is not RESP, or too long");
}

TEST_CASE_METHOD(Asked, "the limits are of one reply: the next one has its own", "[query]") {
  ask();
  std::string slots = "*600000\r\n";
  for (int i = 0; i < 600000; ++i) slots += ":1\r\n";
  says(slots);
  CHECK(calls == 0);
  says(slots);
  CHECK(calls == 1);
  CHECK(result.error.empty());
  CHECK(result.replies.size() == 2);
}

}  // namespace
}  // namespace slotless::discovery
