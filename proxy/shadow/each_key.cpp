#include "proxy/shadow/each_key.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace slotless::shadow {

using observe::ShadowSample;
using protocol::ReplyOrder;

namespace {

// Stand for the key, and for what the request has behind its keys.
constexpr std::string_view kTheKey = "*";
constexpr std::string_view kTheRest = "...";

struct Reading {
  std::string_view command;
  std::string_view question;
  ReplyOrder order = ReplyOrder::Kept;
};
// Of what knows sets as well as sorted sets, sorted sets are read by a command that does, too.
constexpr Reading kReadings[] = {
    {"exists", "EXISTS *"},
    {"json.mget", "JSON.MGET * ..."},
    {"lcs", "GET *"},
    {"mget", "GET *"},
    {"sdiff", "SMEMBERS *", ReplyOrder::Any},
    {"sinter", "SMEMBERS *", ReplyOrder::Any},
    {"sintercard", "SMEMBERS *", ReplyOrder::Any},
    {"sunion", "SMEMBERS *", ReplyOrder::Any},
    {"touch", "EXISTS *"},
    {"zdiff", "ZUNION 1 * WITHSCORES"},
    {"zinter", "ZUNION 1 * WITHSCORES"},
    {"zintercard", "ZUNION 1 * WITHSCORES"},
    {"zunion", "ZUNION 1 * WITHSCORES"},
};

Question questionOf(const Reading& reading, const ShadowSample& sample, std::uint32_t key) {
  Question question{{}, {}, reading.order};
  std::string_view rest = reading.question;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word == kTheKey) {
      question.keys.push_back(static_cast<std::uint32_t>(question.words.size()));
      question.words.push_back(sample.words[key]);
    } else if (word == kTheRest) {
      const auto behind = static_cast<std::ptrdiff_t>(sample.keys.back()) + 1;
      question.words.insert(question.words.end(), sample.words.begin() + behind, sample.words.end());
    } else {
      question.words.emplace_back(word);
    }
  }
  return question;
}

}  // namespace

std::vector<Question> questionsOfEachKey(const ShadowSample& sample) {
  const auto* const reading =
      std::find_if(std::begin(kReadings), std::end(kReadings),
                   [&](const Reading& each) { return each.command == sample.command; });
  std::vector<Question> questions;
  if (reading == std::end(kReadings) || sample.keys.size() > kMostKeys) return questions;
  questions.reserve(sample.keys.size());
  for (const std::uint32_t key : sample.keys) questions.push_back(questionOf(*reading, sample, key));
  return questions;
}

}  // namespace slotless::shadow
