#include "proxy/access/users.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "proxy/access/digest.h"
#include "proxy/access/user_text.h"

namespace slotless::access {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> wordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(kBlank, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

// `number`: of the operation, from 1. A word that is no rule may be a password at the wrong place, as behind
// "> ": only names of commands and categories are shown.
std::string describe(RuleError error, std::string_view rule, std::size_t number) {
  const bool isName = error == RuleError::Unknown && !rule.starts_with('(');
  const std::string which = isName ? "'" + std::string(rule) + "'" : std::to_string(number);
  return "Error in applying operation " + which + ": " + std::string(textOf(error));
}

// The error, or nothing.
std::string readLine(std::string_view line, const Vocabulary& vocabulary, Unknown unknown, User& user) {
  const std::vector<std::string_view> words = wordsOf(line);
  if (words.size() < 2 || words.front() != "user") return "line should start with user keyword and a name";
  user.name = words[1];
  if (hasSpaces(user.name)) return "usernames can't contain spaces or null characters";
  std::vector<std::string> rules;
  if (!mergeSelectors(std::span(words).subspan(2), rules))
    return "Unmatched parenthesis in selector definition.";
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (const auto error = applyRule(user, rules[i], vocabulary, unknown))
      return describe(*error, rules[i], i + 1);
  }
  return {};
}

}  // namespace

UserPtr findUser(const Users& users, std::string_view name) {
  const auto found = users.find(name);
  return found == users.end() ? nullptr : found->second;
}

User makeDefaultUser(std::string_view password) {
  User user;
  user.name = kDefaultUser;
  user.enabled = true;
  user.withoutPassword = password.empty();
  if (!password.empty()) user.passwords.push_back(digestOf(password));
  user.root.allCommands = user.root.allKeys = user.root.allChannels = true;
  return user;
}

ReadUsers readUsers(std::span<const std::string> lines, const User& standard, const Vocabulary& vocabulary,
                    Unknown unknown, std::string_view where) {
  ReadUsers read;
  std::size_t number = 0;
  for (const std::string& each : lines) {
    const std::string_view line = trimmed(each);
    const std::string place = std::string(where) + ":" + std::to_string(++number) + ": ";
    if (line.empty() || line.starts_with('#')) continue;
    User user;
    std::string error = readLine(line, vocabulary, unknown, user);
    if (error.empty() && read.users.contains(user.name))
      error = "user '" + user.name + "' is declared a second time";
    if (!error.empty()) {
      read.errors.push_back(place + error);
      continue;
    }
    for (const std::string& name : unknownNames(user, vocabulary))
      read.warnings.push_back(place + "user '" + user.name + "' has a rule about what is not known: " + name);
    std::string name = user.name;
    read.users.emplace(std::move(name), std::make_shared<const User>(std::move(user)));
  }
  read.users.try_emplace(std::string(kDefaultUser), std::make_shared<const User>(standard));
  return read;
}

std::string textOf(const Users& users) {
  std::string text;
  for (const auto& [name, user] : users) text += lineOf(*user) + "\n";
  return text;
}

std::vector<std::string> linesOf(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace slotless::access
