// What was asked of others: answered by those that were asked, once by each, or over after its time.
#include "proxy/peers/sent_orders.h"

#include "catch.h"

using namespace slotless;
using namespace slotless::peers;
using pubsub::PeerAnswer;
using pubsub::PeerAnswers;
using State = PeerAnswer::State;

namespace {

struct Desk {
  net::TimePoint now{std::chrono::hours(1)};
  SentOrders orders;
  std::vector<PeerAnswers> told;

  void asks(const std::string& number, const std::vector<std::string>& ids) {
    PeerAnswers asked;
    for (const std::string& id : ids) {
      asked.push_back({});
      asked.back().id = id;
      asked.back().place = "at " + id;
    }
    orders.add(number, asked, now, [this](PeerAnswers answers) { told.push_back(std::move(answers)); });
  }
  bool hears(const std::string& number, const std::string& from, bool isDone = true) {
    return orders.note({number, from, isDone, "said by " + from, "line\n", 2});
  }
};

}  // namespace

TEST_CASE_METHOD(Desk, "when all have answered that is told, and at once") {
  asks("1", {"a", "b"});
  CHECK(hears("1", "b", false));
  CHECK(told.empty());
  CHECK(hears("1", "a"));
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].size() == 2);
  CHECK(told[0][0].id == "a");
  CHECK(told[0][0].place == "at a");
  CHECK(told[0][0].state == State::Done);
  CHECK(told[0][0].text == "said by a");
  CHECK(told[0][0].lines == "line\n");
  CHECK(told[0][0].leftOut == 2);
  CHECK(told[0][1].state == State::Refused);
  CHECK_FALSE(orders.next());
}

TEST_CASE_METHOD(Desk, "only who was asked counts, and only once") {
  asks("1", {"a", "b"});
  CHECK_FALSE(hears("1", "c"));
  CHECK_FALSE(hears("2", "a"));
  CHECK(hears("1", "a"));
  CHECK_FALSE(hears("1", "a", false));
  CHECK(told.empty());
  CHECK(hears("1", "b"));
  CHECK(told.at(0).at(0).state == State::Done);
  CHECK_FALSE(hears("1", "b"));
}

TEST_CASE_METHOD(Desk, "after its time what has come is told, and who is missing") {
  asks("1", {"a", "b"});
  now += kOrderPatience / 2;
  asks("2", {"a"});
  CHECK(orders.next() == now + kOrderPatience / 2);
  hears("1", "a");
  orders.expire(now);
  CHECK(told.empty());
  now += kOrderPatience / 2;
  orders.expire(now);
  REQUIRE(told.size() == 1);
  CHECK(told[0][0].state == State::Done);
  CHECK(told[0][1].state == State::Silent);
  CHECK(told[0][1].id == "b");
  CHECK(orders.next() == now + kOrderPatience / 2);
  orders.endAll();
  CHECK(told.size() == 2);
  CHECK_FALSE(orders.next());
}
