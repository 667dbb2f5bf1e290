#include "config/database_rule.h"

#include <algorithm>

#include "config/quantity.h"
#include "config/upstream.h"
#include "config/words.h"

namespace slotless::config {

namespace {

constexpr std::size_t kLongestTag = 32;
constexpr std::size_t kMostPatterns = 64;
constexpr std::size_t kLongestPatterns = 1024;

bool isPatternCharacter(unsigned char c) {
  return c > ' ' && c < 127 && c != '"' && c != '\'' && c != '\\' && c != ',' && c != '?';
}

std::string objectionToPattern(std::string_view pattern) {
  if (pattern.empty()) return "a pattern of a grouped database is empty";
  if (pattern.find('*') == std::string_view::npos)
    return "a pattern of a grouped database needs a star: what it stands for is the group";
  if (pattern.find("**") != std::string_view::npos)
    return "between two stars of a pattern there must be something that ends the first one";
  if (pattern == "*")
    return "a star alone is no pattern of a grouped database: each key would be its own group";
  return {};
}

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
  DatabaseRule rule{*first.value, *last.value, DatabaseLayout::Pinned, {}, {}};
  const auto colon = layout.find(':');
  const auto& words = Words<DatabaseLayout>::kAll;
  const auto* const word = std::find(words.begin(), words.end(), layout.substr(0, colon));
  if (word == words.end())
    return {{}, "after the = there must be spread, pinned, pinned:TAG, grouped:PATTERN, native or denied"};
  rule.layout = static_cast<DatabaseLayout>(word - words.begin());
  if (rule.layout == DatabaseLayout::Grouped) {
    rule.patterns = layout.substr(std::min(colon, layout.size() - 1) + 1);
    std::string objection = objectionToGroupPatterns(rule.patterns);
    if (!objection.empty()) return {{}, std::move(objection)};
    return {std::move(rule), ""};
  }
  if (colon == std::string_view::npos) return {rule, ""};
  rule.tag = layout.substr(colon + 1);
  if (rule.layout != DatabaseLayout::Pinned) return {{}, "only a pinned database has a tag"};
  if (rule.first != rule.last) return {{}, "several databases cannot have the same tag"};
  if (rule.tag.empty() || rule.tag.size() > kLongestTag ||
      !std::all_of(rule.tag.begin(), rule.tag.end(), isTagCharacter))
    return {{}, "a tag is made of 1 to 32 letters, digits and -_.:"};
  return {std::move(rule), ""};
}

std::string objectionToGroupPatterns(std::string_view patterns) {
  if (patterns.empty()) return "a grouped database needs patterns of its keys, as in 2=grouped:bull:*:";
  if (patterns.size() > kLongestPatterns ||
      static_cast<std::size_t>(std::count(patterns.begin(), patterns.end(), '|')) >= kMostPatterns)
    return "a grouped database has up to 64 patterns and 1024 characters of them";
  if (!std::all_of(patterns.begin(), patterns.end(), isPatternCharacter))
    return "patterns of a grouped database are made of visible characters of ASCII other than quotation marks, "
           "backslash, comma and question mark";
  for (;;) {
    const std::size_t end = patterns.find('|');
    std::string objection = objectionToPattern(patterns.substr(0, end));
    if (!objection.empty() || end == std::string_view::npos) return objection;
    patterns.remove_prefix(end + 1);
  }
}

DatabaseRule ruleFor(const Config& config, std::uint64_t database) {
  const auto& rules = config.databaseLayout;
  const auto found = std::find_if(rules.rbegin(), rules.rend(), [&](const DatabaseRule& rule) {
    return rule.first <= database && database <= rule.last;
  });
  if (found != rules.rend()) return *found;
  if (servesOneServer(config)) return {database, database, DatabaseLayout::Native, {}, {}};
  return {database, database, database == 0 ? DatabaseLayout::Spread : DatabaseLayout::Pinned, {}, {}};
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
  const std::string& more = rule.layout == DatabaseLayout::Grouped ? rule.patterns : rule.tag;
  return more.empty() ? text : text + ":" + more;
}

}  // namespace slotless::config
