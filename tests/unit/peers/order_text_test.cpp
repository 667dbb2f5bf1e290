// Orders and answers: read as they were written, and nothing of what anybody else may write.
#include "proxy/peers/order_text.h"

#include "catch.h"
#include "protocol/encoder.h"
#include "proxy/peers/peer_table.h"

using namespace slotless;
using namespace slotless::peers;

namespace {

Order anOrder() {
  return {"17", "a1", 1'700'000'000'123, 4096, {"b2", "c3"}, {{"kill", "user", "bob", ""}, "10.0.0.9:1"}};
}

std::string text(const std::vector<std::string_view>& words) {
  std::string out;
  protocol::appendRequest(out, words);
  return out;
}

// With what has to be there.
std::optional<Order> orderWith(std::vector<std::string_view> more) {
  std::vector<std::string_view> words = {"slotless-order", "1", "number", "7", "from", "a"};
  words.insert(words.end(), more.begin(), more.end());
  return readOrder(text(words));
}
std::optional<Answer> answerWith(std::vector<std::string_view> more) {
  std::vector<std::string_view> words = {"slotless-answer", "1", "number", "7", "from", "a"};
  words.insert(words.end(), more.begin(), more.end());
  return readAnswer(text(words));
}

}  // namespace

TEST_CASE("an order is read as it was written") {
  const auto read = readOrder(written(anOrder()));
  REQUIRE(read);
  CHECK(read->number == "17");
  CHECK(read->from == "a1");
  CHECK(read->unixMillis == 1'700'000'000'123);
  CHECK(read->room == 4096);
  CHECK(read->to == std::vector<std::string>{"b2", "c3"});
  CHECK(read->what.words == std::vector<std::string>{"kill", "user", "bob", ""});
  CHECK(read->what.by == "10.0.0.9:1");
  CHECK_FALSE(readAnswer(written(anOrder())));
}

TEST_CASE("an answer is read as it was written") {
  for (const bool isDone : {true, false}) {
    const auto read = readAnswer(written(Answer{"17", "b2", isDone, "killed=3", "line\n", 5}));
    REQUIRE(read);
    CHECK(read->number == "17");
    CHECK(read->from == "b2");
    CHECK(read->isDone == isDone);
    CHECK(read->text == "killed=3");
    CHECK(read->lines == "line\n");
    CHECK(read->leftOut == 5);
    CHECK_FALSE(readOrder(written(Answer{"17", "b2", isDone, "", "", 0})));
  }
}

TEST_CASE("names that are not known are skipped in both") {
  CHECK(orderWith({"colour", "green", "word", "resume"}));
  CHECK(answerWith({"colour", "green"}));
}

TEST_CASE("an order has a number, a sender and a word") {
  CHECK(orderWith({"word", "resume"}));
  CHECK_FALSE(orderWith({}));
  CHECK_FALSE(readOrder(text({"slotless-order", "1", "number", "7", "word", "resume"})));
  CHECK_FALSE(readOrder(text({"slotless-order", "1", "from", "a", "word", "resume"})));
  CHECK_FALSE(readOrder(text({"slotless-order", "2", "number", "7", "from", "a", "word", "resume"})));
  CHECK_FALSE(orderWith({"word", "resume", "number", ""}));
  CHECK_FALSE(readOrder(""));
  CHECK_FALSE(readOrder("*1\r\n"));
}

TEST_CASE("numbers, lengths and counts have limits in both") {
  const std::string long_(257, 'x');
  for (const std::string_view name : {"number", "from", "by", "to"})
    CHECK_FALSE(orderWith({"word", "resume", name, long_}));
  for (const std::string_view name : {"at", "room"}) {
    for (const std::string_view number : {"-1", "x", ""})
      CHECK_FALSE(orderWith({"word", "resume", name, number}));
  }
  CHECK_FALSE(orderWith({"word", std::string(kMostOrderBytes + 1, 'x')}));
  std::vector<std::string_view> most;
  for (std::size_t i = 0; i < kMostOrderWords; ++i) most.insert(most.end(), {"word", "w"});
  CHECK(orderWith(most));
  most.insert(most.end(), {"word", "w"});
  CHECK_FALSE(orderWith(most));
  std::vector<std::string_view> many = {"word", "w"};
  for (std::size_t i = 0; i <= kMostPeers; ++i) many.insert(many.end(), {"to", "b"});
  CHECK_FALSE(orderWith(many));
  CHECK_FALSE(answerWith({"state", "maybe"}));
  CHECK_FALSE(answerWith({"left-out", "-1"}));
  CHECK_FALSE(answerWith({"text", std::string(kMostAnswerText + 1, 'x')}));
  CHECK_FALSE(answerWith({"lines", std::string(kMostLineBytes + 1, 'x')}));
}

TEST_CASE("what is too long is cut off before it is written") {
  std::string lines;
  while (lines.size() <= kMostLineBytes) lines += std::string(99, 'x') + "\n";
  const std::size_t all = lines.size() / 100;
  const auto read = readAnswer(written(Answer{"17", "b2", true, std::string(5000, 't'), lines, 3}));
  REQUIRE(read);
  CHECK(read->text.size() == kMostAnswerText);
  CHECK(read->lines.size() == kMostLineBytes / 100 * 100);
  CHECK(read->leftOut == 3 + all - kMostLineBytes / 100);
}

TEST_CASE("lines are cut off whole") {
  const auto cut = [](std::string lines, std::size_t room) {
    const std::uint64_t leftOut = cutLines(lines, room);
    return std::pair(lines, leftOut);
  };
  CHECK(cut("one\ntwo\n", 8) == std::pair(std::string("one\ntwo\n"), std::uint64_t{0}));
  CHECK(cut("one\ntwo\n", 7) == std::pair(std::string("one\n"), std::uint64_t{1}));
  CHECK(cut("one\ntwo\n", 4) == std::pair(std::string("one\n"), std::uint64_t{1}));
  CHECK(cut("one\ntwo\n", 3) == std::pair(std::string(), std::uint64_t{2}));
  CHECK(cut("one\ntwo\n", 0) == std::pair(std::string(), std::uint64_t{2}));
  CHECK(cut("", 0) == std::pair(std::string(), std::uint64_t{0}));
}
