#include "proxy/access/rule_language.h"

#include <algorithm>
#include <iterator>

#include "protocol/ascii.h"
#include "proxy/access/digest.h"
#include "proxy/access/limit_rules.h"
#include "proxy/access/split_words.h"

namespace slotless::access {

using protocol::CommandSpec;
using protocol::equalsIgnoringCase;

namespace {

using Result = std::optional<RuleError>;
using Kind = CommandRule::Kind;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), protocol::lowerAscii);
  return result;
}

// The later rule of two about the same thing counts, so the earlier one goes.
bool supersedes(const CommandRule& later, const CommandRule& earlier) {
  const bool categories = later.kind == Kind::Category;
  if (categories != (earlier.kind == Kind::Category)) return false;
  if (later.kind == Kind::FirstArgument)
    return earlier.name == later.name && earlier.firstArgument == later.firstArgument;
  if (earlier.name == later.name) return true;
  return !categories && earlier.name.starts_with(later.name + '|');
}

void addRule(Selector& selector, CommandRule rule) {
  std::erase_if(selector.commands, [&](const CommandRule& each) { return supersedes(rule, each); });
  selector.commands.push_back(std::move(rule));
}

void setAllCommands(Selector& selector, bool all) {
  selector.allCommands = all;
  selector.commands.clear();
}

Result applyCategory(Selector& selector, bool allowed, std::string_view name, const Vocabulary& vocabulary,
                     Unknown unknown) {
  const std::string category = lower(name);
  if (category == "all") {
    setAllCommands(selector, allowed);
    return std::nullopt;
  }
  if (category.empty() || (unknown == Unknown::Refused && !vocabulary.hasCategory(category)))
    return RuleError::Unknown;
  addRule(selector, {allowed, Kind::Category, category});
  return std::nullopt;
}

Result applyCommand(Selector& selector, bool allowed, std::string_view name, const Vocabulary& vocabulary,
                    Unknown unknown) {
  const std::size_t bar = name.rfind('|');
  const CommandSpec* known = vocabulary.find(name);
  const auto add = [&](std::string of) -> Result {
    addRule(selector, {allowed, Kind::Command, std::move(of)});
    return std::nullopt;
  };
  if (bar == std::string_view::npos || !allowed) {
    if (known != nullptr) return add(known->name);
    return name.empty() || unknown == Unknown::Refused ? Result(RuleError::Unknown) : add(lower(name));
  }
  const CommandSpec* container = vocabulary.find(name.substr(0, bar));
  const std::string_view second = name.substr(bar + 1);
  if (container == nullptr)
    return bar == 0 || unknown == Unknown::Refused ? Result(RuleError::Unknown) : add(lower(name));
  if (container->name.find('|') != std::string::npos) return RuleError::FirstArgumentOfSubcommand;
  if (second.empty()) return RuleError::Syntax;
  if (container->subcommands.empty()) {
    addRule(selector, {true, Kind::FirstArgument, container->name, std::string(second)});
    return std::nullopt;
  }
  if (known != nullptr) return add(known->name);
  return unknown == Unknown::Refused ? Result(RuleError::Unknown) : add(lower(name));
}

Result applyKeyPattern(Selector& selector, std::string_view rule) {
  if (selector.allKeys) return RuleError::AllKeysAlready;
  std::uint8_t permissions = kReadAndWrite;
  std::size_t begin = 1;
  if (rule.front() == '%') {
    const std::size_t tilde = rule.find('~');
    if (tilde == std::string_view::npos) return RuleError::Syntax;
    permissions = 0;
    for (const char c : rule.substr(1, tilde - 1)) {
      const char letter = protocol::lowerAscii(c);
      const std::uint8_t permission = letter == 'r' ? kRead : kWrite;
      if ((letter != 'r' && letter != 'w') || (permissions & permission) != 0) return RuleError::Syntax;
      permissions |= permission;
    }
    if (permissions == 0) return RuleError::Syntax;
    begin = tilde + 1;
  }
  const std::string_view pattern = rule.substr(begin);
  if (hasSpaces(pattern)) return RuleError::Syntax;
  const auto known = std::find_if(selector.keys.begin(), selector.keys.end(),
                                  [&](const KeyPattern& each) { return each.pattern == pattern; });
  if (known != selector.keys.end()) {
    known->permissions |= permissions;
  } else {
    selector.keys.push_back({std::string(pattern), permissions});
  }
  return std::nullopt;
}

Result applyChannelPattern(Selector& selector, std::string_view pattern) {
  if (selector.allChannels) return RuleError::AllChannelsAlready;
  if (hasSpaces(pattern)) return RuleError::Syntax;
  const auto known = std::find(selector.channels.begin(), selector.channels.end(), pattern);
  if (known == selector.channels.end()) selector.channels.emplace_back(pattern);
  return std::nullopt;
}

void setAllKeys(Selector& selector, bool all) {
  selector.allKeys = all;
  selector.keys.clear();
}

void setAllChannels(Selector& selector, bool all) {
  selector.allChannels = all;
  selector.channels.clear();
}

struct SelectorWord {
  std::string_view word;
  void (*apply)(Selector&);
};
constexpr SelectorWord kSelectorWords[] = {
    {"allkeys", [](Selector& s) { setAllKeys(s, true); }},
    {"~*", [](Selector& s) { setAllKeys(s, true); }},
    {"resetkeys", [](Selector& s) { setAllKeys(s, false); }},
    {"allchannels", [](Selector& s) { setAllChannels(s, true); }},
    {"&*", [](Selector& s) { setAllChannels(s, true); }},
    {"resetchannels", [](Selector& s) { setAllChannels(s, false); }},
    {"allcommands", [](Selector& s) { setAllCommands(s, true); }},
    {"nocommands", [](Selector& s) { setAllCommands(s, false); }},
};

Result applyToSelector(Selector& selector, std::string_view rule, const Vocabulary& vocabulary,
                       Unknown unknown) {
  const auto* const word =
      std::find_if(std::begin(kSelectorWords), std::end(kSelectorWords),
                   [&](const SelectorWord& each) { return equalsIgnoringCase(each.word, rule); });
  if (word != std::end(kSelectorWords)) {
    word->apply(selector);
    return std::nullopt;
  }
  const std::string_view rest = rule.substr(1);
  switch (rule.front()) {
    case '~':
    case '%': return applyKeyPattern(selector, rule);
    case '&': return applyChannelPattern(selector, rest);
    case '+':
    case '-': {
      const bool allowed = rule.front() == '+';
      // Quotes within a selector let it through; written down it would be several words.
      if (hasSpaces(rest)) return RuleError::Unknown;
      if (rest.starts_with('@')) return applyCategory(selector, allowed, rest.substr(1), vocabulary, unknown);
      return applyCommand(selector, allowed, rest, vocabulary, unknown);
    }
    default: return RuleError::Syntax;
  }
}

Result addSelector(User& user, std::string_view rule, const Vocabulary& vocabulary, Unknown unknown) {
  Selector selector;
  const auto words = splitWords(rule.substr(1, rule.size() - 2));
  if (!words) return RuleError::Syntax;
  for (const std::string& word : *words) {
    if (word.empty()) continue;
    // Written down, it would end the selector.
    if (word.back() == ')') return RuleError::Syntax;
    if (const Result error = applyToSelector(selector, word, vocabulary, unknown)) return error;
  }
  user.selectors.push_back(std::move(selector));
  return std::nullopt;
}

void forgetPasswords(User& user) {
  user.withoutPassword = false;
  user.passwords.clear();
}

void allowWithoutPassword(User& user) {
  user.withoutPassword = true;
  user.passwords.clear();
}

void reset(User& user) {
  User fresh;
  fresh.name = std::move(user.name);
  fresh.sanitizes = true;
  user = std::move(fresh);
}

struct UserWord {
  std::string_view word;
  void (*apply)(User&);
};
constexpr UserWord kUserWords[] = {
    {"on", [](User& user) { user.enabled = true; }},
    {"off", [](User& user) { user.enabled = false; }},
    {"nopass", allowWithoutPassword},
    {"resetpass", forgetPasswords},
    {"skip-sanitize-payload", [](User& user) { user.sanitizes = false; }},
    {"sanitize-payload", [](User& user) { user.sanitizes = true; }},
    {"clearselectors", [](User& user) { user.selectors.clear(); }},
    {"reset", reset},
};

Result applyPassword(User& user, std::string_view rule) {
  const std::string_view rest = rule.substr(1);
  const bool isPlain = rule.front() == '>' || rule.front() == '<';
  if (!isPlain && !isDigest(rest)) return RuleError::BadDigest;
  std::string digest = isPlain ? digestOf(rest) : std::string(rest);
  const auto known = std::find(user.passwords.begin(), user.passwords.end(), digest);
  if (rule.front() == '>' || rule.front() == '#') {
    if (known == user.passwords.end()) user.passwords.push_back(std::move(digest));
    user.withoutPassword = false;
    return std::nullopt;
  }
  if (known == user.passwords.end()) return RuleError::NoSuchPassword;
  user.passwords.erase(known);
  return std::nullopt;
}

void addUnknown(const Selector& selector, const Vocabulary& vocabulary, std::vector<std::string>& names) {
  for (const CommandRule& rule : selector.commands) {
    const bool isCategory = rule.kind == Kind::Category;
    const bool known = isCategory ? vocabulary.hasCategory(rule.name) : vocabulary.find(rule.name) != nullptr;
    if (!known) names.push_back((rule.allowed ? "+" : "-") + std::string(isCategory ? "@" : "") + rule.name);
  }
}

}  // namespace

std::string_view textOf(RuleError error) noexcept {
  switch (error) {
    case RuleError::Unknown: return "Unknown command or category name in ACL";
    case RuleError::Syntax: return "Syntax error";
    case RuleError::AllKeysAlready:
      return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any "
             "effect. Try 'resetkeys' to start with an empty list of patterns";
    case RuleError::AllChannelsAlready:
      return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have "
             "any effect. Try 'resetchannels' to start with an empty list of channels";
    case RuleError::NoSuchPassword:
      return "The password you are trying to remove from the user does not exist";
    case RuleError::BadDigest:
      return "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
             "characters";
    case RuleError::FirstArgumentOfSubcommand: return "Allowing first-arg of a subcommand is not supported";
  }
  return "";
}

std::optional<RuleError> applyRule(User& user, std::string_view rule, const Vocabulary& vocabulary,
                                   Unknown unknown) {
  if (rule.empty()) return std::nullopt;
  const auto* const word =
      std::find_if(std::begin(kUserWords), std::end(kUserWords),
                   [&](const UserWord& each) { return equalsIgnoringCase(each.word, rule); });
  if (word != std::end(kUserWords)) {
    word->apply(user);
    return std::nullopt;
  }
  constexpr std::string_view kPasswordMarks = "><#!";
  if (kPasswordMarks.find(rule.front()) != std::string_view::npos) return applyPassword(user, rule);
  if (rule.front() == '(' && rule.back() == ')') return addSelector(user, rule, vocabulary, unknown);
  switch (applyLimit(user.limits, rule)) {
    case LimitResult::Taken: return std::nullopt;
    case LimitResult::Wrong: return RuleError::Syntax;
    case LimitResult::Other: break;
  }
  return applyToSelector(user.root, rule, vocabulary, unknown);
}

bool mergeSelectors(std::span<const std::string_view> words, std::vector<std::string>& rules) {
  rules.clear();
  std::string_view opening;  // of the selector that is not at its end
  for (const std::string_view word : words) {
    if (word.starts_with('(') && !word.ends_with(')')) {
      // As Redis does it: another one takes the place of one without an end.
      if (!opening.empty()) rules.pop_back();
      rules.emplace_back(word);
      opening = word;
    } else if (!opening.empty()) {
      rules.back() += ' ';
      rules.back() += word;
      if (word.ends_with(')')) opening = {};
    } else {
      rules.emplace_back(word);
    }
  }
  if (opening.empty()) return true;
  rules.back() = opening;
  return false;
}

std::vector<std::string> unknownNames(const User& user, const Vocabulary& vocabulary) {
  std::vector<std::string> names;
  addUnknown(user.root, vocabulary, names);
  for (const Selector& selector : user.selectors) addUnknown(selector, vocabulary, names);
  return names;
}

bool hasSpaces(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; });
}

}  // namespace slotless::access
