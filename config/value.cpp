#include "config/value.h"

#include <algorithm>
#include <cctype>
#include <type_traits>

#include "config/address_rule.h"
#include "config/command_name.h"
#include "config/database_rule.h"
#include "config/endpoint.h"
#include "config/listener.h"
#include "config/network.h"
#include "config/parsed.h"
#include "config/program_words.h"
#include "config/quantity.h"
#include "config/spelling.h"
#include "config/words.h"

namespace slotless::config {

namespace {

template <class T>
constexpr bool isList = false;
template <class Entry>
constexpr bool isList<std::vector<Entry>> = true;

bool equalsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<std::string_view> entriesOf(std::string_view text) {
  std::vector<std::string_view> entries;
  for (std::size_t begin = 0;;) {
    const auto comma = text.find(',', begin);
    entries.push_back(trimmed(text.substr(begin, comma == std::string_view::npos ? comma : comma - begin)));
    if (comma == std::string_view::npos) return entries;
    begin = comma + 1;
  }
}

std::string describe(const Option& option, std::string_view found, const std::string& reason) {
  const bool hidden = option.isSecret() || (option.isList() && mayHoldCredentials(found)) ||
                      (option.kind == Kind::AdminListener && mayHoldCredentials(found));
  std::string text = "found ";
  if (hidden) {
    text += "a text that is not shown because it may hold a secret";
  } else if (found.empty()) {
    text += "nothing";
  } else {
    text += inQuotes(found);
  }
  if (!reason.empty()) text += " (" + reason + ")";
  return text + "; allowed: " + allowed(option);
}

bool isWithin(const Option& option, std::uint64_t number) {
  return (number == 0 && !option.zeroMeans.empty()) || (number >= option.min && number <= option.max);
}

std::string wrongCharacter(Kind kind, std::string_view text) {
  const auto has = [&](auto&& isWrong) { return std::any_of(text.begin(), text.end(), isWrong); };
  switch (kind) {
    case Kind::Name:
      return has([](unsigned char c) { return c < '!' || c > '~'; })
                 ? "it has a character that is not allowed"
                 : "";
    case Kind::Word:
      return has([](unsigned char c) { return c <= ' ' || c == 0x7f; })
                 ? "it has a space or a control character"
                 : "";
    default:
      return has([](unsigned char c) { return c == 0 || c == '\n' || c == '\r'; })
                 ? "it has more than one line"
                 : "";
  }
}

// One overload per type of member. Each gives the value or the reason why there is none.
struct Parser {
  const Option& option;
  std::string_view text;

  Parsed<std::vector<Endpoint>> operator()(std::vector<Endpoint> Config::*) const {
    return parseList(parseNode);
  }
  Parsed<std::vector<Listener>> operator()(std::vector<Listener> Config::*) const {
    return parseList(parseListen);
  }
  Parsed<std::vector<AddressRule>> operator()(std::vector<AddressRule> Config::*) const {
    return parseList(parseAddressRule);
  }
  Parsed<std::vector<DatabaseRule>> operator()(std::vector<DatabaseRule> Config::*) const {
    return parseList(parseDatabaseRule);
  }

  Parsed<std::vector<Network>> operator()(std::vector<Network> Config::*) const {
    return parseList(parseNetwork);
  }

  Parsed<std::vector<std::string>> operator()(std::vector<std::string> Config::*) const {
    if (option.kind == Kind::Lines) return parseLines();
    if (option.kind == Kind::Commands) return parseList(parseCommandName);
    if (option.kind == Kind::Renames) return parseList(parseRename);
    if (text.size() > option.max) return {{}, "it is too long"};
    return parseProgramWords(text);
  }

  // One text may have several lines, but a comma is a part of its line.
  Parsed<std::vector<std::string>> parseLines() const {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = std::min(text.find('\n', begin), text.size());
      const auto line = trimmed(text.substr(begin, end - begin));
      if (line.size() > option.max) return {{}, "a line is too long"};
      if (line.find('\0') != std::string_view::npos) return {{}, "it has a control character"};
      if (!line.empty()) lines.emplace_back(line);
      begin = end + 1;
    }
    return {std::move(lines), ""};
  }

  template <class Entry>
  Parsed<std::vector<Entry>> parseList(Parsed<Entry> (*parseEntry)(std::string_view)) const {
    std::vector<Entry> entries;
    if (text.empty() && option.mayBeEmpty()) return {std::move(entries), ""};
    for (const auto entry : entriesOf(text)) {
      if (entry.empty()) return {{}, text.empty() ? "" : "an entry is empty"};
      auto parsed = parseEntry(entry);
      if (!parsed.value) return {{}, inEntry(entry, parsed.reason)};
      entries.push_back(std::move(*parsed.value));
    }
    return {std::move(entries), ""};
  }

  // Names the entry that is wrong, unless the text has only that one or it must not be shown.
  std::string inEntry(std::string_view entry, const std::string& reason) const {
    return entry == text || mayHoldCredentials(text) ? reason : inQuotes(entry) + ": " + reason;
  }

  Parsed<std::optional<AdminAddress>> operator()(std::optional<AdminAddress> Config::*) const {
    if (equalsIgnoringCase(text, kOff)) return {std::optional<AdminAddress>{}, ""};
    auto address = parseAdminListen(text);
    if (!address.value) return {{}, address.reason};
    return {std::optional{address.value}, ""};
  }

  Parsed<std::string> operator()(std::string Config::*) const {
    if (text.size() > option.max) return {{}, "it is too long"};
    if (auto reason = wrongCharacter(option.kind, text); !reason.empty()) return {{}, reason};
    return {std::string(text), ""};
  }

  Parsed<std::uint64_t> operator()(std::uint64_t Config::*) const {
    if (option.kind == Kind::Workers && equalsIgnoringCase(text, kAuto)) return {0, ""};
    if (option.kind == Kind::Mode) return parseMode(text);
    auto number = option.kind == Kind::Bytes ? parseBytes(text) : parseCount(text);
    if (number.value && !isWithin(option, *number.value)) return {{}, "out of range"};
    return number;
  }

  Parsed<Milliseconds> operator()(Milliseconds Config::*) const {
    auto duration = parseDuration(text);
    if (duration.value && !isWithin(option, static_cast<std::uint64_t>(duration.value->count()))) {
      return {{}, "out of range"};
    }
    return duration;
  }

  Parsed<bool> operator()(bool Config::*) const {
    for (const auto* word : {"yes", "true", "on"}) {
      if (equalsIgnoringCase(text, word)) return {true, ""};
    }
    for (const auto* word : {"no", "false", "off"}) {
      if (equalsIgnoringCase(text, word)) return {false, ""};
    }
    return {};
  }

  template <class Enum>
  Parsed<Enum> operator()(Enum Config::*) const {
    const auto& words = Words<Enum>::kAll;
    const auto* const found = std::find_if(
        words.begin(), words.end(), [&](std::string_view word) { return equalsIgnoringCase(text, word); });
    if (found == words.end()) return {};
    return {static_cast<Enum>(found - words.begin()), ""};
  }
};

}  // namespace

std::optional<std::string> assign(const Option& option, std::string_view text, Assign how, Config& config) {
  return std::visit(
      [&](auto member) -> std::optional<std::string> {
        const bool exact = option.kind == Kind::Text || option.kind == Kind::Path;
        const auto found = exact ? text : trimmed(text);
        auto parsed = Parser{option, found}(member);
        if (!parsed.value) return describe(option, found, parsed.reason);
        if constexpr (isList<std::decay_t<decltype(*parsed.value)>>) {
          if (how == Assign::Append && option.kind != Kind::Program) {
            auto& list = config.*member;
            list.insert(list.end(), parsed.value->begin(), parsed.value->end());
            return {};
          }
        }
        config.*member = std::move(*parsed.value);
        return {};
      },
      option.member);
}

std::string inQuotes(std::string_view text, std::size_t longest) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (byte < ' ' || byte == 0x7f) {
      result += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
    } else {
      result += c;
    }
  }
  return result + (text.size() > longest ? "\"..." : "\"");
}

}  // namespace slotless::config
