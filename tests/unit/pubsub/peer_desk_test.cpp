// Orders go from who asks to who attends, and answers come back, each on its own loop.
#include "proxy/pubsub/peer_desk.h"

#include "catch.h"
#include "fake_loop.h"

using namespace slotless;
using pubsub::PeerAnswers;
using pubsub::PeerDesk;
using pubsub::PeerOrder;

namespace {

struct TwoLoops {
  test::FakeLoop asking;
  test::FakeLoop attending;
  PeerDesk desk;
  std::vector<std::size_t> told;

  void asks(const std::string& word) {
    desk.ask({{word}, {}}, asking, [this](const PeerAnswers& answers) { told.push_back(answers.size()); });
  }
};

}  // namespace

TEST_CASE_METHOD(TwoLoops, "where nobody attends there is nobody, and that is told later") {
  asks("clients");
  CHECK(told.empty());
  asking.settle();
  CHECK(told == std::vector<std::size_t>{0});
}

TEST_CASE_METHOD(TwoLoops, "who attends gets the order on its loop, and the answers go to the other") {
  std::vector<std::string> words;
  PeerDesk::Answered done;
  const auto attendance = desk.attend(attending, [&](const PeerOrder& order, PeerDesk::Answered answered) {
    words = order.words;
    done = std::move(answered);
  });
  asks("clients");
  asking.settle();
  CHECK(words.empty());
  attending.settle();
  CHECK(words == std::vector<std::string>{"clients"});
  done(PeerAnswers(2));
  CHECK(told.empty());
  asking.settle();
  CHECK(told == std::vector<std::size_t>{2});
}

TEST_CASE_METHOD(TwoLoops, "an order that is under way to who has left is answered with nobody") {
  auto attendance =
      desk.attend(attending, [](const PeerOrder&, const PeerDesk::Answered&) { FAIL("it has left"); });
  asks("clients");
  attendance.reset();
  attending.settle();
  asks("clients");
  asking.settle();
  CHECK(told == std::vector<std::size_t>{0, 0});
}

TEST_CASE_METHOD(TwoLoops, "of two the later one attends, also when the earlier one leaves") {
  auto first = desk.attend(attending, [](const PeerOrder&, const PeerDesk::Answered&) { FAIL("the first"); });
  const auto second = desk.attend(
      attending, [](const PeerOrder&, const PeerDesk::Answered& answered) { answered(PeerAnswers(1)); });
  first.reset();
  asks("clients");
  attending.settle();
  asking.settle();
  CHECK(told == std::vector<std::size_t>{1});
}
