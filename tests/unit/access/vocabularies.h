// What the tests of this folder share.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "proxy/access/permission.h"
#include "proxy/access/rule_language.h"
#include "proxy/access/user_text.h"
#include "proxy/access/vocabulary.h"

namespace slotless::test {

inline const access::Vocabulary& builtInWords() {
  static const auto table = protocol::CommandTable::builtIn();
  static const access::Vocabulary words(*table);
  return words;
}

inline std::vector<std::string_view> wordsIn(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// The text of the first error; empty: none.
inline std::string apply(access::User& user, std::string_view text) {
  std::vector<std::string> rules;
  const std::vector<std::string_view> words = wordsIn(text);
  if (!access::mergeSelectors(words, rules)) return "Unmatched " + rules.back();
  for (const std::string& rule : rules) {
    if (const auto error = access::applyRule(user, rule, builtInWords())) return std::string(textOf(*error));
  }
  return {};
}

inline access::User userOf(std::string_view rules) {
  access::User user;
  user.name = "u";
  if (const std::string error = apply(user, rules); !error.empty()) user.name = error;
  return user;
}

inline access::Permission permissionOf(std::string_view rules) {
  return {std::make_shared<const access::User>(userOf(rules)), builtInWords()};
}

// The name of the reason, and what was refused: "key x", "" where it may.
inline std::string verdict(const access::Permission& permission, std::string_view command) {
  const std::vector<std::string_view> argv = wordsIn(command);
  const protocol::CommandSpec* spec = protocol::CommandTable::builtIn()->find(protocol::Argv(argv));
  if (spec == nullptr) return "no such command";
  std::vector<protocol::KeyUse> scratch;
  const access::Denial denial = permission.check(*spec, argv, scratch);
  using access::Reason;
  switch (denial.reason) {
    case Reason::None: return "";
    case Reason::Command: return "command";
    case Reason::Key: return "key " + std::string(argv[denial.argument]);
    case Reason::Channel: return "channel " + std::string(argv[denial.argument]);
    case Reason::KeysOnlyServerKnows: return "unknown keys";
    case Reason::ReadOnly: return "read-only";
    case Reason::Script: return "script";
    case Reason::SortBy: return "by";
    case Reason::SortGet: return "get";
  }
  return "?";
}

}  // namespace slotless::test
