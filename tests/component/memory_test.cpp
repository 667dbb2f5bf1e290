// What a burst has needed is given back, and the gauges say where memory is.
#include <map>

#include "stage.h"

namespace slotless::test {

namespace {
std::int64_t memory(Stage& stage, telemetry::MemoryKind kind) {
  return stage.metrics().memory[static_cast<std::size_t>(kind)].value();
}
// How large its replies are shows only with the first ones.
void sendsUntilKnown(Stage& stage) {
  for (int i = 0; i < 40; ++i) {
    stage.client.sends("SET a 1");
    stage.node(1).expects("SET a 1").replies("+OK\r\n");
  }
  stage.client.takes();
}
}  // namespace

TEST_CASE_METHOD(Stage, "blocks and requests that a burst has needed are gone two ticks later") {
  constexpr int kBurst = 60;
  sendsUntilKnown(*this);
  for (int i = 0; i < kBurst; ++i) client.sends("SET a " + std::string(10'000, 'x'));
  std::vector<Received> received;
  for (int i = 0; i < kBurst; ++i) received.push_back(node(1).expects("SET a " + std::string(10'000, 'x')));
  clock.advance(1s);
  CHECK(memory(*this, telemetry::MemoryKind::LinkOutput) > kBurst * 10'000);
  CHECK(worker().requestBytes() > kBurst * sizeof(session::Request) / 2);
  for (const Received& each : received) each.replies("+OK\r\n");
  CHECK(client.takes().size() == kBurst * 5);
  clock.advance(2s);
  CHECK(memory(*this, telemetry::MemoryKind::LinkOutput) == 0);
  CHECK(worker().blocks().bytesIdle() == 0);
  CHECK(worker().requestBytes() == 0);
  CHECK(memory(*this, telemetry::MemoryKind::Requests) == 0);
  CHECK(memory(*this, telemetry::MemoryKind::Idle) == 0);
}

TEST_CASE_METHOD(Stage, "what is needed again and again is kept") {
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  for (int i = 0; i < 10; ++i) {
    clock.advance(500ms);
    client.sends("GET a");
    node(1).expects("GET a").replies(bulk("1"));
    CHECK(worker().requestBytes() > 0);
    CHECK(worker().blocks().bytesIdle() > 0);
  }
  client.takes();
}

TEST_CASE_METHOD(Stage, "memory is told by what it is for") {
  client.stopsReading();
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk(std::string(1000, 'x')));
  other.sendsBytes("*2\r\n$3\r\nGET\r\n$1000\r\nhalf of it");
  clock.advance(1s);
  CHECK(memory(*this, telemetry::MemoryKind::ClientOutput) >= 1000);
  CHECK(memory(*this, telemetry::MemoryKind::ClientInput) >= 20);
  CHECK(memory(*this, telemetry::MemoryKind::LinkOutput) == 0);
  client.readsAgain();
  client.takes();
  clock.advance(1s);
  CHECK(memory(*this, telemetry::MemoryKind::ClientOutput) == 0);
}

TEST_CASE_METHOD(Stage, "what a transaction keeps for its replies is its client's until they are there") {
  const std::vector<std::string> asked =
      GENERATE(std::vector<std::string>{"SET a 1"}, std::vector<std::string>{"INFO"},
               std::vector<std::string>{"SET a 1", "INFO"});
  INFO(asked.front());
  client.sends("MULTI");
  for (const std::string& each : asked) client.sends(each);
  const std::string text(1000, 'x');
  for (int i = 0; i < 300; ++i) client.sends("PING " + text);
  client.takes();
  clock.advance(1s);
  CHECK(memory(*this, telemetry::MemoryKind::Sessions) >= 300'000);
  client.sends("EXEC");
  clock.advance(1s);
  CHECK(memory(*this, telemetry::MemoryKind::Sessions) < 100'000);
  CHECK(memory(*this, telemetry::MemoryKind::Requests) >= 300'000);
  CHECK(client.takes().empty());
  const std::map<std::string, std::string> replies = {
      {"MULTI", "+OK\r\n"}, {"SET", "+QUEUED\r\n"}, {"EXEC", "*1\r\n+OK\r\n"}, {"INFO", bulk("x:1\r\n")}};
  for (std::size_t number : {1U, 2U, 3U, 1U, 2U, 3U}) {
    while (const auto request = node(number).next()) request->replies(replies.at(request->words().front()));
  }
  CHECK(client.takes().size() >= 300'000);
  clock.advance(1s);
  CHECK(memory(*this, telemetry::MemoryKind::Requests) < 100'000);
}

TEST_CASE_METHOD(Stage, "above memory-limit the client that holds most is closed, and others go on") {
  config.memoryLimit = 1024 * 1024;
  const std::string small(100'000, 'x');
  const std::string large(900'000, 'y');
  client.sends("SET a " + small);
  other.sends("SET b " + large);
  const Received kept = node(1).expects("SET a " + small);
  node(2).expects("SET b " + large);
  settle();
  CHECK(limitHits(telemetry::Limit::Memory) == 0);
  other.sends("SET b " + large);
  CHECK(other.isClosed());
  CHECK(limitHits(telemetry::Limit::Memory) == 1);
  kept.replies("+OK\r\n");
  client.receives("+OK\r\n");
}

TEST_CASE_METHOD(Stage, "parts of a reply that wait to be merged count for memory-limit") {
  config.memoryLimit = 1024 * 1024;
  client.sends("MGET a b");
  const Received first = node(1).expects("MGET a");
  node(2).expects("MGET b");
  first.replies("*1\r\n" + bulk(std::string(2'000'000, 'x')));
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::Memory) == 1);
  CHECK(worker().heldBytes() < 100'000);
}

TEST_CASE_METHOD(Stage, "when nobody holds much, memory-limit closes nobody") {
  config.memoryLimit = 1024 * 1024;
  std::vector<FakeClient*> many;
  for (int i = 0; i < 60; ++i) many.push_back(&addClient());
  for (FakeClient* each : many) each->sends("SET a " + std::string(30'000, 'x'));
  for (std::size_t i = 0; i < many.size(); ++i) node(1).expects("SET a " + std::string(30'000, 'x'));
  CHECK(limitHits(telemetry::Limit::Memory) == 0);
  for (FakeClient* each : many) CHECK_FALSE(each->isClosed());
}

// While what a round has closed is still with its node, so that the process is above the limit for a while.
struct Relieved : Stage {
  Relieved() { config.memoryLimit = kLimit; }
  static constexpr std::size_t kLimit = 1024 * 1024;
  static constexpr std::size_t kMore = 1000;
  // A request that does not end. More than a share, and less than what has to be closed.
  static void holdsMuch(FakeClient& client) {
    client.sendsBytes("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$300000\r\n" + std::string(150'000, 'x'));
  }
  static void sendsMore(FakeClient& client) { client.sendsBytes(std::string(kMore, 'x')); }
  // That client is closed for it.
  Received goesBeyond(FakeClient& largest) {
    const std::string request = "SET a " + std::string(kLimit, 'y');
    largest.sends(request);
    Received received = node(1).expectsAny();
    CHECK(largest.isClosed());
    CHECK(limitHits(telemetry::Limit::Memory) == 1);
    return received;
  }
};

TEST_CASE_METHOD(Relieved, "above memory-limit nothing is read from those who hold more than their share") {
  FakeClient& small = addClient();
  holdsMuch(client);
  const Received request = goesBeyond(other);
  sendsMore(client);
  CHECK_FALSE(client.isRead());
  CHECK(client.connection().unread() == kMore);
  CHECK(small.isRead());
  small.sends("PING");
  small.receives("+PONG\r\n");
  // Down again.
  request.replies("+OK\r\n");
  CHECK(client.isRead());
  CHECK(client.connection().unread() == 0);
  CHECK_FALSE(client.isClosed());
  CHECK(limitHits(telemetry::Limit::Memory) == 1);
}

TEST_CASE_METHOD(Relieved,
                 "what is not read from for want of memory is read from again, whatever else happens") {
  holdsMuch(client);
  const Received request = goesBeyond(other);
  sendsMore(client);
  CHECK_FALSE(client.isRead());
  config.memoryLimit = 64 * kLimit;
  worker().setConfig(config);
  settle();
  CHECK(client.isRead());
  CHECK(client.connection().unread() == 0);
  request.replies("+OK\r\n");
}

TEST_CASE_METHOD(Relieved,
                 "memory that is used up at one worker stops the reading at the other, and both go on") {
  workers = 2;
  FakeClient& far = addClient(1);
  FakeClient& farSmall = addClient(1);
  holdsMuch(client);
  holdsMuch(far);
  const Received request = goesBeyond(other);
  for (FakeClient* each : {&client, &far}) {
    sendsMore(*each);
    CHECK_FALSE(each->isRead());
    CHECK(each->connection().unread() == kMore);
    CHECK_FALSE(each->isClosed());
  }
  farSmall.sends("PING");
  farSmall.receives("+PONG\r\n");
  request.replies("+OK\r\n");
  clock.advance(100ms);  // the other worker looks at it when it turns
  for (FakeClient* each : {&client, &far}) {
    CHECK(each->isRead());
    CHECK(each->connection().unread() == 0);
    CHECK_FALSE(each->isClosed());
  }
}

TEST_CASE_METHOD(Relieved, "the largest is closed wherever it is, also by a worker that has none of it") {
  workers = 2;
  FakeClient& far = addClient(1);
  holdsMuch(far);
  const Received request = goesBeyond(client);
  CHECK_FALSE(far.isClosed());
  // Those of the second worker are next, when memory does not come back.
  clock.advance(2s);
  CHECK(far.isClosed());
  request.replies("+OK\r\n");
}

}  // namespace slotless::test
