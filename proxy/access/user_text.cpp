#include "proxy/access/user_text.h"

#include <algorithm>

#include "proxy/access/limit_rules.h"

namespace slotless::access {
namespace {

void append(std::string& text, std::string_view word) {
  if (!text.empty()) text += ' ';
  text += word;
}

std::string textOf(const CommandRule& rule) {
  std::string text(rule.allowed ? "+" : "-");
  if (rule.kind == CommandRule::Kind::Category) text += '@';
  text += rule.name;
  if (rule.kind == CommandRule::Kind::FirstArgument) text += "|" + rule.firstArgument;
  return text;
}

std::string textOf(const KeyPattern& pattern) {
  // ~* is a word of its own: it allows keys that only servers know, too, and no other pattern may follow it.
  if (pattern.pattern == "*" && pattern.permissions == kReadAndWrite) return "%RW~*";
  if (pattern.permissions == kReadAndWrite) return "~" + pattern.pattern;
  return (pattern.permissions == kRead ? "%R~" : "%W~") + pattern.pattern;
}

// `limits`: behind the commands.
std::string textOf(const Selector& selector, const Limits* limits) {
  std::string text = keysText(selector);
  if (!selector.allChannels) append(text, "resetchannels");
  if (const std::string channels = channelsText(selector); !channels.empty()) append(text, channels);
  append(text, commandsText(selector));
  if (limits == nullptr) return text;
  for (const auto& [name, value] : limitWords(*limits))
    append(text, value.empty() ? name : name + "=" + value);
  return text;
}

// Quotes mean something within a selector: words that have one are quoted.
std::string quoted(std::string_view word) {
  if (word.find_first_of("\"'") == std::string_view::npos) return std::string(word);
  std::string text("\"");
  for (const char c : word) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text += '"';
}

// No word has spaces.
std::string inParentheses(std::string_view words) {
  std::string text;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(' ', begin), words.size());
    append(text, quoted(words.substr(begin, end - begin)));
    begin = end + 1;
  }
  return "(" + text + ")";
}

}  // namespace

std::string commandsText(const Selector& selector) {
  std::string text(selector.allCommands ? "+@all" : "-@all");
  for (const CommandRule& rule : selector.commands) append(text, textOf(rule));
  return text;
}

std::string keysText(const Selector& selector) {
  if (selector.allKeys) return "~*";
  std::string text;
  for (const KeyPattern& pattern : selector.keys) append(text, textOf(pattern));
  return text;
}

std::string channelsText(const Selector& selector) {
  if (selector.allChannels) return "&*";
  std::string text;
  for (const std::string& pattern : selector.channels) append(text, "&" + pattern);
  return text;
}

std::string lineOf(const User& user) {
  std::string text = "user " + user.name;
  append(text, user.enabled ? "on" : "off");
  if (user.withoutPassword) append(text, "nopass");
  if (user.sanitizes) append(text, *user.sanitizes ? "sanitize-payload" : "skip-sanitize-payload");
  for (const std::string& digest : user.passwords) append(text, "#" + digest);
  append(text, textOf(user.root, &user.limits));
  for (const Selector& selector : user.selectors) append(text, inParentheses(textOf(selector, nullptr)));
  return text;
}

}  // namespace slotless::access
