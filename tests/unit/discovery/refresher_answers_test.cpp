// What the refresher makes of answers: news, confirmations, stale ones, late ones.
#include <algorithm>
#include <string>

#include "refreshing.h"

namespace slotless::discovery {
namespace {

using net::Millis;
using test::Refreshing;
using test::Shard;

TEST_CASE_METHOD(Refreshing, "an unchanged answer confirms and publishes nothing", "[refresh]") {
  startKnowing({{7000, 0, 99, 1, {7002}}, {7001, 100, 16383, 2}});
  advanceToNextTimer();
  answers(open().front(), {{7001, 100, 16383, 2}, {7000, 0, 99, 1, {7002}}});
  CHECK(confirmed == 2);
  CHECK(published.size() == 1);
  CHECK(refresher->current().version == 1);
}

TEST_CASE_METHOD(Refreshing, "each change is published once, with the next version", "[refresh]") {
  startKnowing({{7000, 0, 99, 1}, {7001, 100, 16383, 2}});
  advanceToNextTimer();
  answers(open().front(), {{7000, 0, 199, 3}, {7001, 200, 16383, 2}});
  advanceToNextTimer();
  answers(open().front(), {{7000, 0, 199, 3}, {7001, 200, 16383, 2}}, "7.2.0");
  REQUIRE(published.size() == 3);
  CHECK(published[1]->version == 2);
  CHECK(published[1]->nodes[published[1]->owners[150]].address.port == 7000);
  CHECK(published[2]->version == 3);
  CHECK(published[2]->serverVersion == "7.2.0");
}

TEST_CASE_METHOD(Refreshing, "higher epochs are remembered though nothing else has changed", "[refresh]") {
  startKnowing({{7000, 0, 16383, 5}, {7001, -1, -1, 0}});
  advanceToNextTimer();
  answers(open().front(), {{7000, 0, 16383, 9}, {7001, -1, -1, 0}});
  advanceToNextTimer();
  answers(open().front(), {{7001, 0, 16383, 7}, {7000, -1, -1, 5}});
  CHECK(published.size() == 1);
  CHECK(ownerPort(0) == 7000);
}

TEST_CASE_METHOD(Refreshing, "a node left behind in a minority does not move us, however often it answers",
                 "[refresh]") {
  startKnowing({{7001, 0, 16383, 7}, {7000, -1, -1, 5}});
  for (int round = 0; round < 10; ++round) {
    advanceToNextTimer();
    answers(open().front(), {{7000, 0, 16383, 5, {7001}}});
    CHECK(ownerPort(0) == 7001);
  }
  CHECK(confirmed == 11);
  // Roles as the stale node sees them, but the owner stays.
  CHECK(published.size() <= 2);
}

TEST_CASE_METHOD(Refreshing, "answers that come after their round count by their epochs", "[refresh]") {
  settings.queryTimeout = Millis(500);
  startKnowing(test::fiveShards());
  loop.advance(Millis(1000));
  refresher->request(true);
  loop.settle();
  const auto queries = open();
  REQUIRE(queries.size() == 3);
  // The first one to answer knows of a failover: 7009 has taken over from 7004.
  std::vector<Shard> news = test::fiveShards();
  news[4] = {7009, news[4].first, news[4].last, 11};
  news.push_back({7004, -1, -1, 10});
  answers(queries[0], news);
  CHECK(ownerPort(16383) == 7009);
  CHECK(open().size() == 2);
  SECTION("older ones do not move us back") {
    answers(queries[1], test::fiveShards());
    // A node that has never heard of 7009 is not believed to speak of another cluster: it knows 7004.
    std::vector<Shard> stale = test::fiveShards();
    stale[4].replicas = {7009};
    answers(queries[2], stale);
    CHECK(open().empty());
  }
  SECTION("newer ones do") {
    news[4] = {7008, news[4].first, news[4].last, 12};
    news.push_back({7009, -1, -1, 11});
    answers(queries[2], news);
    CHECK(ownerPort(16383) == 7008);
  }
  SECTION("failures of stragglers do not begin or end a round") {
    const std::size_t before = asked;
    breaks(queries[1]);
    loop.advance(settings.queryTimeout);
    CHECK(asked == before);
    CHECK(failures.size() == 2);
    CHECK(ownerPort(16383) == 7009);
  }
}

TEST_CASE_METHOD(Refreshing, "a node that still owes an answer is not asked again", "[refresh]") {
  settings.queryTimeout = Millis(60000);
  startKnowing(test::fiveShards());
  loop.advance(Millis(1000));
  refresher->request(true);
  loop.settle();
  answers(open().front(), test::fiveShards());
  const auto frozen = open();
  REQUIRE(frozen.size() == 2);
  loop.advance(Millis(1000));
  refresher->request(true);
  loop.settle();
  const auto all = open();
  REQUIRE(all.size() == 5);
  for (std::size_t i = 2; i < 5; ++i) {
    CHECK(all[i]->peer() != frozen[0]->peer());
    CHECK(all[i]->peer() != frozen[1]->peer());
  }
}

TEST_CASE_METHOD(Refreshing, "a look-up that ends after its round does not disturb the next one",
                 "[refresh]") {
  settings.queryTimeout = Millis(60000);
  settings.urgentWidth = 2;
  const std::vector<Shard> three = {{7000, 0, 99, 1}, {7001, 100, 199, 2}, {7002, 200, 16383, 3}};
  settings.seeds = {{"slow.example", 7000}};
  loop.setResolution("slow.example", {{"127.0.0.1"}, {}});
  startKnowing(three);
  // One straggler …
  loop.advance(Millis(1000));
  refresher->request(true);
  loop.settle();
  answers(open().front(), three);
  REQUIRE(open().size() == 1);
  const auto straggler = open().front();
  // … ends the next round while that waits for a look-up.
  loop.setResolution("slow.example", {{}, "no such host"});
  loop.stallResolving(true);
  loop.advance(Millis(1000));
  refresher->request(false);
  loop.settle();
  breaks(open().back());
  answers(straggler, three);
  REQUIRE(open().empty());
  // The round after that waits for its one query when the look-up fails.
  loop.advance(Millis(1000));
  refresher->request(false);
  loop.settle();
  REQUIRE(open().size() == 1);
  const std::size_t before = asked;
  loop.stallResolving(false);
  loop.advance(Millis(5000));
  CHECK(asked == before);
  answers(open().front(), three);
  CHECK(timeToNextTimer() >= Millis(27000));  // an answered round: no back-off
}

TEST_CASE_METHOD(Refreshing, "destroying the refresher cancels queries and look-ups", "[refresh]") {
  settings.seeds = {{"127.0.0.1", 7000}, {"slow.example", 7000}};
  loop.stallResolving(true);
  start();
  refresher.reset();
  loop.stallResolving(false);
  loop.advance(Millis(60000));
  CHECK(open().empty());
  CHECK(published.empty());
}

}  // namespace
}  // namespace slotless::discovery
