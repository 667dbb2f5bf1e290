// Clients that ask for much more than others take turns, and the others are served in between.
#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::size_t kPings = 4000;
constexpr std::size_t kReplyBytes = 7;

struct Greedy : Stage {
  // Everybody sends its pings at once.
  void begin(std::size_t count) {
    std::string pings;
    for (std::size_t i = 0; i < kPings; ++i) pings += request("PING");
    other.sends("PING");
    other.receives("+PONG\r\n");
    for (std::size_t i = 0; i < count; ++i) {
      greedy.push_back(&addClient());
      greedy.back()->sends("PING");
      greedy.back()->receives("+PONG\r\n");
    }
    for (FakeClient* each : greedy) each->connection().push(pings);
  }
  // Answered in one turn.
  std::size_t takeReplies() {
    std::size_t replies = 0;
    for (FakeClient* each : greedy) replies += each->connection().takeWritten().size() / kReplyBytes;
    return replies;
  }

  std::vector<FakeClient*> greedy;
};

}  // namespace

TEST_CASE_METHOD(Greedy,
                 "a turn has a part of what a few greedy clients ask for, and all of what others do") {
  constexpr std::size_t kClients = 20;
  begin(kClients);
  loop.turn();
  std::size_t answered = takeReplies();  // nobody was known to be greedy
  std::size_t turns = 1;
  for (; answered < kClients * kPings; ++turns) {
    other.connection().push(request("PING"));
    REQUIRE(loop.turn());
    CHECK(other.connection().takeWritten() == "+PONG\r\n");
    const std::size_t replies = takeReplies();
    CHECK(replies <= 2 * 500);  // a turn of this loop has two ends
    answered += replies;
    REQUIRE(turns < kClients * kPings);
  }
  CHECK(answered == kClients * kPings);
}

TEST_CASE_METHOD(Greedy, "greedy clients have equal shares") {
  begin(10);
  for (int i = 0; i < 50; ++i) loop.turn();
  std::size_t least = kPings;
  std::size_t most = 0;
  for (FakeClient* each : greedy) {
    const std::size_t replies = each->connection().takeWritten().size() / kReplyBytes;
    least = std::min(least, replies);
    most = std::max(most, replies);
  }
  CHECK(least > 0);
  CHECK(most < 2 * least);
  settle();
  for (FakeClient* each : greedy) each->takes();
}

TEST_CASE_METHOD(Greedy, "a client that has had all it asked for is as others again") {
  begin(1);
  settle();
  CHECK(greedy[0]->takes().size() == kPings * kReplyBytes);
  greedy[0]->connection().push(request("PING"));
  loop.turn();
  CHECK(greedy[0]->takes() == "+PONG\r\n");
}

}  // namespace slotless::test
