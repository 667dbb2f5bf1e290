// When the refresher asks, whom, and how many at once.
#include "proxy/discovery/topology_refresher.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "refreshing.h"

namespace slotless::discovery {
namespace {

using net::Millis;
using test::Refreshing;
using test::Shard;

// How long the connections of an urgent round are kept.
constexpr Millis kKept{1000};

bool within(Millis value, Millis from, Millis to) {
  return from <= value && value <= to;
}

TEST_CASE_METHOD(Refreshing, "the first round asks the seeds, and the first answer is published",
                 "[refresh]") {
  settings.seeds = {{"127.0.0.1", 7000}, {"127.0.0.1", 7001}};
  start();
  REQUIRE(open().size() == 2);
  answers(open().back(), {{7000, 0, 16383, 1}});
  REQUIRE(published.size() == 1);
  CHECK(published[0]->version == 1);
  CHECK(published[0]->complete());
  CHECK(published[0]->serverVersion == "7.0.15");
  CHECK(confirmed == 1);
  CHECK(failures.empty());
}

TEST_CASE_METHOD(Refreshing, "many requests during a round make one round after it", "[refresh]") {
  start();
  for (int i = 0; i < 20; ++i) {
    refresher->request(i % 2 == 0);
    loop.advance(Millis(50));
  }
  CHECK(asked == 1);
  answers(open().front(), {{7000, 0, 16383, 1}});
  CHECK(open().empty());
  CHECK(within(timeToNextTimer(), Millis(90), Millis(110)));
  advanceToNextTimer();
  CHECK(asked == 2);
  answers(open().front(), {{7000, 0, 16383, 1}});
  loop.advance(kKept);
  CHECK(timeToNextTimer() > Millis(1000));
}

TEST_CASE_METHOD(Refreshing, "other settings make a round soon and count from it on", "[refresh]") {
  startKnowing({{7000, 0, 16383, 1}});
  settings.interval = Millis(2000);
  settings.minInterval = Millis(10);
  settings.seeds = {{"127.0.0.1", 7009}};
  refresher->setSettings(settings);
  CHECK(within(timeToNextTimer(), Millis(9), Millis(11)));
  advanceToNextTimer();
  REQUIRE(open().size() == 1);
  CHECK(open().front()->peer().port == 7000);
  answers(open().front(), {{7000, 0, 16383, 1}});
  CHECK(within(timeToNextTimer(), Millis(1800), Millis(2200)));
  advanceToNextTimer();
  REQUIRE(open().size() == 1);
  breaks(open().front());  // nobody who is known answers, so the seeds are asked
  REQUIRE(open().size() == 1);
  CHECK(open().front()->peer().port == 7009);
  answers(open().front(), {{7009, 0, 16383, 2}});
}

TEST_CASE_METHOD(Refreshing, "requests between rounds make one round, no sooner than the minimum",
                 "[refresh]") {
  startKnowing({{7000, 0, 16383, 1}});
  for (int i = 0; i < 1000; ++i) refresher->request(false);
  CHECK(open().empty());
  CHECK(within(timeToNextTimer(), Millis(90), Millis(110)));
  loop.advance(Millis(89));
  CHECK(asked == 1);
  loop.advance(Millis(21));
  CHECK(asked == 2);
}

TEST_CASE_METHOD(Refreshing, "a request long after the last round makes one at once", "[refresh]") {
  startKnowing({{7000, 0, 16383, 1}});
  loop.advance(Millis(1000));
  refresher->request(false);
  loop.settle();
  CHECK(asked == 2);
}

TEST_CASE("the period varies by a tenth, and differs from proxy to proxy", "[refresh]") {
  std::set<Millis> periods;
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    Refreshing one;
    one.startKnowing({{7000, 0, 16383, 1}}, seed * 2654435761U);
    CHECK(within(one.timeToNextTimer(), Millis(27000), Millis(33000)));
    periods.insert(one.timeToNextTimer());
    one.advanceToNextTimer();
    CHECK(one.asked == 2);
  }
  CHECK(periods.size() > 25);
}

TEST_CASE_METHOD(Refreshing, "an ordinary round asks one node, an urgent one several different ones",
                 "[refresh]") {
  startKnowing(test::fiveShards());
  loop.advance(Millis(1000));
  SECTION("ordinary") {
    refresher->request(false);
    loop.settle();
    CHECK(open().size() == 1);
  }
  SECTION("urgent") {
    refresher->request(true);
    loop.settle();
    std::set<net::Address> nodes;
    for (const auto& query : open()) nodes.insert(query->peer());
    CHECK(nodes.size() == 3);
    // The urgency is over with this round.
    answers(open().front(), test::fiveShards());
    for (const auto& straggler : open()) answers(straggler, test::fiveShards());
    loop.advance(Millis(1000));
    refresher->request(false);
    loop.settle();
    CHECK(open().size() == 1);
  }
  SECTION("urgent while an ordinary one runs") {
    refresher->request(false);
    loop.settle();
    refresher->request(true);
    loop.settle();
    REQUIRE(open().size() == 1);
    answers(open().front(), test::fiveShards());
    advanceToNextTimer();
    CHECK(open().size() == 3);
  }
}

TEST_CASE_METHOD(Refreshing, "rounds in quick succession come half as often after a while without news",
                 "[refresh]") {
  startKnowing(test::fiveShards());
  const auto nextRound = [this](const std::vector<test::Shard>& shards) {
    refresher->request(true);
    const Millis pause = timeToNextTimer();
    advanceToNextTimer();
    while (!open().empty()) answers(open().front(), shards);
    return pause;
  };
  for (int round = 0; round < 4; ++round)
    CHECK(within(nextRound(test::fiveShards()), Millis(90), Millis(110)));
  CHECK(within(nextRound(test::fiveShards()), Millis(180), Millis(220)));
  CHECK(within(nextRound({{7000, 0, 16383, 9}}), Millis(180), Millis(220)));
  CHECK(within(nextRound({{7000, 0, 16383, 9}}), Millis(90), Millis(110)));
  for (int round = 0; round < 10; ++round) nextRound({{7000, 0, 16383, 9}});
  loop.advance(Millis(1000));
  nextRound({{7000, 0, 16383, 9}});
  CHECK(within(nextRound({{7000, 0, 16383, 9}}), Millis(90), Millis(110)));
}

TEST_CASE_METHOD(Refreshing, "urgent rounds keep their connections for a while", "[refresh]") {
  startKnowing(test::fiveShards());
  loop.advance(Millis(1000));
  const auto urgentRound = [this] {
    refresher->request(true);
    loop.advance(Millis(110));
    const auto queries = open();
    while (!open().empty()) answers(open().front(), test::fiveShards());
    return queries;
  };
  SECTION("at most one for each node") {
    for (int round = 0; round < 5; ++round) urgentRound();
    CHECK(asked <= 1 + 5);
    CHECK(loop.openConnections().size() == asked - 1);
  }
  SECTION("of the later ones, one asks whoever has answered, and one anybody") {
    const auto answering = urgentRound();
    REQUIRE(answering.size() == 3);
    std::set<net::Address> nodes;
    for (int round = 0; round < 20; ++round) {
      const auto queries = urgentRound();
      REQUIRE(queries.size() <= 2);
      for (const auto& query : queries) nodes.insert(query->peer());
    }
    CHECK(nodes.size() == 5);
  }
  SECTION("not for long") {
    urgentRound();
    loop.advance(kKept - Millis(1));
    CHECK(loop.openConnections().size() == 3);
    loop.advance(Millis(1));
    CHECK(loop.openConnections().empty());
  }
  SECTION("not of an ordinary round") {
    refresher->request(false);
    loop.settle();
    answers(open().front(), test::fiveShards());
    CHECK(loop.openConnections().empty());
  }
  SECTION("not with old credentials") {
    urgentRound();
    refresher->setSettings(settings);
    CHECK(loop.openConnections().empty());
  }
  SECTION("one that its node has closed is made again") {
    urgentRound();
    for (const auto& kept : loop.openConnections()) breaks(kept);
    CHECK(failures.empty());
    urgentRound();
    CHECK(failures.empty());
    CHECK(asked == 1 + 3 + 3);
  }
}

TEST_CASE_METHOD(Refreshing,
                 "after a change the cluster is looked at more often, since nodes agree only later",
                 "[refresh]") {
  startKnowing(test::fiveShards());
  CHECK(timeToNextTimer() >= Millis(27000));
  loop.advance(Millis(1000));
  refresher->request(false);
  loop.settle();
  std::vector<Shard> news = test::fiveShards();
  news[4] = {7009, news[4].first, news[4].last, 11};
  answers(open().front(), news);
  for (const int seconds : {1, 2, 4, 8, 16, 30}) {
    INFO(seconds);
    CHECK(within(timeToNextTimer(), Millis(900) * seconds, Millis(1100) * seconds));
    advanceToNextTimer();
    answers(open().front(), news);
  }
  CHECK(timeToNextTimer() >= Millis(27000));
}

TEST_CASE_METHOD(Refreshing, "rounds that are asked for are no substitute for the looks after a change",
                 "[refresh]") {
  startKnowing(test::fiveShards());
  loop.advance(Millis(1000));
  std::vector<Shard> news = test::fiveShards();
  news[4] = {7009, news[4].first, news[4].last, 11};
  const auto answerAll = [&] {
    while (!open().empty()) answers(open().front(), news);
  };
  SECTION("however many they are") {
    refresher->request(true);
    loop.settle();
    answerAll();
    for (int round = 0; round < 6; ++round) {
      refresher->request(true);
      loop.advance(Millis(115));
      answerAll();
    }
    const std::size_t before = confirmed;
    for (int tenth = 0; tenth < 10; ++tenth) {
      loop.advance(Millis(100));
      answerAll();
    }
    CHECK(confirmed > before);
  }
  SECTION("also if a straggler of an earlier round has told of it") {
    refresher->request(true);
    loop.settle();
    REQUIRE(open().size() == 3);
    const auto straggler = open().back();
    answers(open().front(), test::fiveShards());
    answers(straggler, news);
    REQUIRE(published.size() == 2);
    const std::size_t before = confirmed;
    for (int tenth = 0; tenth < 11; ++tenth) {
      loop.advance(Millis(100));
      answerAll();
    }
    CHECK(confirmed > before + 1);  // the other straggler, and the look
  }
}

TEST_CASE("over time every node is asked", "[refresh]") {
  Refreshing one;
  one.startKnowing(test::fiveShards());
  std::set<net::Address> nodes;
  for (int round = 0; round < 100; ++round) {
    one.advanceToNextTimer();
    REQUIRE(one.open().size() == 1);
    nodes.insert(one.open().front()->peer());
    one.answers(one.open().front(), test::fiveShards());
  }
  CHECK(nodes.size() == 5);
}

TEST_CASE_METHOD(Refreshing, "if no known node answers, the seeds are resolved again in the same round",
                 "[refresh]") {
  settings.seeds = {{"redis.example", 7000}};
  loop.setResolution("redis.example", {{"127.0.0.1"}, {}});
  startKnowing({{7001, 0, 16383, 1}});
  // The whole cluster has moved.
  loop.setResolution("redis.example", {{"10.0.0.8", "10.0.0.9"}, {}});
  advanceToNextTimer();
  REQUIRE(open().size() == 1);
  CHECK(open().front()->peer() == net::Address{"127.0.0.1", 7001});
  breaks(open().front());
  REQUIRE(open().size() == 2);
  CHECK(open()[0]->peer() == net::Address{"10.0.0.8", 7000});
  CHECK(open()[1]->peer() == net::Address{"10.0.0.9", 7000});
  answers(open()[1], {{7005, 0, 16383, 1}});
  CHECK(ownerPort(0) == 7005);
  CHECK(published.size() == 2);
  CHECK(failures.size() == 1);
}

TEST_CASE_METHOD(Refreshing, "a seed that cannot be looked up is said, and others are asked", "[refresh]") {
  settings.seeds = {{"gone.example", 7000}, {"127.0.0.1", 7001}};
  start();
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].starts_with("gone.example:7000 "));
  REQUIRE(open().size() == 1);
  answers(open().front(), {{7001, 0, 16383, 1}});
  CHECK(published.size() == 1);
}

TEST_CASE_METHOD(Refreshing,
                 "while nobody answers the pauses double up to a limit, and end with the first answer",
                 "[refresh]") {
  down = true;
  start();
  for (const int expected : {200, 400, 800, 1600, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000}) {
    INFO(expected);
    CHECK(within(timeToNextTimer(), Millis(expected * 9 / 10), Millis(expected * 11 / 10)));
    advanceToNextTimer();
  }
  CHECK(asked == 13);
  CHECK(failures.size() == 13);
  // A request makes a round earlier.
  refresher->request(true);
  CHECK(timeToNextTimer() <= Millis(110));
  down = false;
  advanceToNextTimer();
  answers(open().front(), {{7000, 0, 16383, 1}});
  loop.advance(kKept);
  CHECK(timeToNextTimer() >= Millis(26000));
  down = true;
  advanceToNextTimer();
  CHECK(within(timeToNextTimer(), Millis(180), Millis(220)));
}

TEST_CASE_METHOD(Refreshing, "no pause is shorter than the minimum interval, however long that is",
                 "[refresh]") {
  settings.minInterval = Millis(10000);
  down = true;
  start();
  CHECK(timeToNextTimer() >= Millis(9000));
}

TEST_CASE_METHOD(Refreshing, "answers of no use are failures with a reason", "[refresh]") {
  struct Row {
    std::string slots, reason;
  };
  const std::string rest = "-NOPERM no\r\n-NOPERM no\r\n";
  start();
  for (const Row& row : std::vector<Row>{{"-ERR This instance has cluster support disabled\r\n",
                                          "ERR This instance has cluster support disabled"},
                                         {"+OK\r\n", "CLUSTER SLOTS gave no list of slots"},
                                         {"*0\r\n", "the node knows no owner of any slot"}}) {
    REQUIRE(open().size() == 1);
    answersText(open().front(), row.slots + rest);
    CHECK(failures.back() == "127.0.0.1:7000 " + row.reason);
    advanceToNextTimer();
  }
  CHECK(published.empty());
  CHECK(confirmed == 0);
}

TEST_CASE_METHOD(Refreshing, "CLUSTER SLOTS alone is enough", "[refresh]") {
  start();
  answersText(open().front(), test::slotsReply({{7000, 0, 16383, 1}}) + "-NOPERM no\r\n-NOPERM no\r\n");
  REQUIRE(published.size() == 1);
  CHECK(published[0]->serverVersion.empty());
  CHECK(published[0]->nodes[0].epoch == 0);
}

TEST_CASE_METHOD(Refreshing, "a refresher without known nodes or seeds that answer goes on trying",
                 "[refresh]") {
  loop.onConnect = nullptr;  // packets are dropped
  start();
  for (int round = 1; round <= 5; ++round) {
    const std::size_t failed = failures.size();
    loop.advance(settings.queryTimeout);
    CHECK(failures.size() == failed + 1);
    advanceToNextTimer();
    CHECK(open().size() == 1);
  }
}

}  // namespace
}  // namespace slotless::discovery
