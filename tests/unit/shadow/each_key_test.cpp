#include "proxy/shadow/each_key.h"

#include <string>
#include <vector>

#include "catch.h"

namespace slotless::shadow {
namespace {

using observe::ShadowSample;
using protocol::ReplyOrder;
using Words = std::vector<std::string>;

std::vector<Words> wordsOf(const std::vector<Question>& questions) {
  std::vector<Words> words;
  for (const Question& each : questions) words.push_back(each.words);
  return words;
}

TEST_CASE("what a command reads of each of its keys") {
  struct Case {
    ShadowSample sample;
    std::vector<Words> asked;
    std::uint32_t key;  // which of the words
    ReplyOrder order;
  };
  const std::vector<Case> cases{
      {{"mget", 0, {"mget", "a", "b"}, {1, 2}}, {{"GET", "a"}, {"GET", "b"}}, 1, ReplyOrder::Kept},
      {{"exists", 0, {"EXISTS", "a", "a"}, {1, 2}}, {{"EXISTS", "a"}, {"EXISTS", "a"}}, 1, ReplyOrder::Kept},
      {{"touch", 0, {"TOUCH", "a", "b"}, {1, 2}}, {{"EXISTS", "a"}, {"EXISTS", "b"}}, 1, ReplyOrder::Kept},
      {{"sunion", 0, {"SUNION", "a", "b"}, {1, 2}},
       {{"SMEMBERS", "a"}, {"SMEMBERS", "b"}},
       1,
       ReplyOrder::Any},
      {{"sintercard", 0, {"SINTERCARD", "2", "a", "b", "LIMIT", "1"}, {2, 3}},
       {{"SMEMBERS", "a"}, {"SMEMBERS", "b"}},
       1,
       ReplyOrder::Any},
      {{"zunion", 0, {"ZUNION", "2", "a", "b", "WEIGHTS", "1", "2"}, {2, 3}},
       {{"ZUNION", "1", "a", "WITHSCORES"}, {"ZUNION", "1", "b", "WITHSCORES"}},
       2,
       ReplyOrder::Kept},
      {{"lcs", 0, {"LCS", "a", "b", "LEN"}, {1, 2}}, {{"GET", "a"}, {"GET", "b"}}, 1, ReplyOrder::Kept},
      {{"json.mget", 0, {"JSON.MGET", "a", "b", "$.x"}, {1, 2}},
       {{"JSON.MGET", "a", "$.x"}, {"JSON.MGET", "b", "$.x"}},
       1,
       ReplyOrder::Kept},
  };
  for (const Case& each : cases) {
    INFO(each.sample.command);
    const auto questions = questionsOfEachKey(each.sample);
    CHECK(wordsOf(questions) == each.asked);
    for (const Question& question : questions) {
      CHECK(question.keys == std::vector<std::uint32_t>{each.key});
      CHECK(question.order == each.order);
    }
  }
}

TEST_CASE("nothing is asked of what is not known, or of too many keys") {
  CHECK(questionsOfEachKey({"module.read", 0, {"MODULE.READ", "a", "b"}, {1, 2}}).empty());
  ShadowSample many{"mget", 0, {"MGET"}, {}};
  for (std::uint32_t i = 1; i <= kMostKeys; ++i) {
    many.words.push_back(std::to_string(i));
    many.keys.push_back(i);
  }
  CHECK(questionsOfEachKey(many).size() == kMostKeys);
  many.words.emplace_back("one more");
  many.keys.push_back(kMostKeys + 1);
  CHECK(questionsOfEachKey(many).empty());
}

}  // namespace
}  // namespace slotless::shadow
