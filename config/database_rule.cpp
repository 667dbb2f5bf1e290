#include "config/database_rule.h"

#include <algorithm>

#include "config/quantity.h"
#include "config/words.h"

namespace slotless::config {

namespace {

constexpr std::size_t kLongestTag = 32;

bool isTagCharacter(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.' || c == ':';
}

Parsed<std::uint64_t> parseIndex(std::string_view text) {
  const bool digits = !text.empty() && text.size() <= 5 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return {{}, "before the = there must be a database's number, or two with a - between them"};
  return parseCount(text);
}

}  // namespace

Parsed<DatabaseRule> parseDatabaseRule(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return {{}, "the = is missing"};
  const std::string_view range = text.substr(0, equals);
  const std::string_view layout = text.substr(equals + 1);
  const auto dash = range.find('-');
  const auto first = parseIndex(range.substr(0, dash));
  if (!first.value) return {{}, first.reason};
  const auto last = dash == std::string_view::npos ? first : parseIndex(range.substr(dash + 1));
  if (!last.value) return {{}, last.reason};
  if (*last.value < *first.value) return {{}, "the range of databases runs backwards"};
  DatabaseRule rule{*first.value, *last.value, DatabaseLayout::Pinned, {}};
  const auto colon = layout.find(':');
  const auto& words = Words<DatabaseLayout>::kAll;
  const auto* const word = std::find(words.begin(), words.end(), layout.substr(0, colon));
  if (word == words.end()) return {{}, "after the = there must be spread, pinned, pinned:TAG or denied"};
  rule.layout = static_cast<DatabaseLayout>(word - words.begin());
  if (colon == std::string_view::npos) return {rule, ""};
  rule.tag = layout.substr(colon + 1);
  if (rule.layout != DatabaseLayout::Pinned) return {{}, "only a pinned database has a tag"};
  if (rule.first != rule.last) return {{}, "several databases cannot have the same tag"};
  if (rule.tag.empty() || rule.tag.size() > kLongestTag ||
      !std::all_of(rule.tag.begin(), rule.tag.end(), isTagCharacter))
    return {{}, "a tag is made of 1 to 32 letters, digits and -_.:"};
  return {std::move(rule), ""};
}

DatabaseRule ruleFor(const Config& config, std::uint64_t database) {
  const auto& rules = config.databaseLayout;
  const auto found = std::find_if(rules.rbegin(), rules.rend(), [&](const DatabaseRule& rule) {
    return rule.first <= database && database <= rule.last;
  });
  if (found != rules.rend()) return *found;
  return {database, database, database == 0 ? DatabaseLayout::Spread : DatabaseLayout::Pinned, {}};
}

std::optional<std::vector<std::uint64_t>> parseDatabaseMap(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  while (!text.empty()) {
    const auto plus = text.find('+');
    const auto number = parseIndex(text.substr(0, plus));
    if (!number.value || plus + 1 == text.size()) return std::nullopt;
    if (std::find(numbers.begin(), numbers.end(), *number.value) != numbers.end()) return std::nullopt;
    numbers.push_back(*number.value);
    text = plus == std::string_view::npos ? std::string_view() : text.substr(plus + 1);
  }
  return numbers;
}

std::string formatDatabaseRule(const DatabaseRule& rule) {
  std::string text = std::to_string(rule.first);
  if (rule.last != rule.first) text += "-" + std::to_string(rule.last);
  text += "=" + std::string(Words<DatabaseLayout>::kAll[static_cast<std::size_t>(rule.layout)]);
  return rule.tag.empty() ? text : text + ":" + rule.tag;
}

}  // namespace slotless::config
