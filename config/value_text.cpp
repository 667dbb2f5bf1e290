#include <type_traits>

#include "config/address_rule.h"
#include "config/database_rule.h"
#include "config/endpoint.h"
#include "config/listener.h"
#include "config/network.h"
#include "config/program_words.h"
#include "config/quantity.h"
#include "config/value.h"
#include "config/words.h"

namespace slotless::config {

namespace {

struct Formatter {
  const Option& option;

  std::vector<std::string> operator()(const std::vector<Endpoint>& endpoints) const {
    std::vector<std::string> entries;
    for (const auto& endpoint : endpoints) entries.push_back(formatEndpoint(endpoint));
    return entries;
  }
  std::vector<std::string> operator()(const std::vector<Listener>& listeners) const {
    std::vector<std::string> entries;
    for (const auto& listener : listeners) entries.push_back(formatListen(listener));
    return entries;
  }
  std::vector<std::string> operator()(const std::vector<AddressRule>& rules) const {
    std::vector<std::string> entries;
    for (const auto& rule : rules) entries.push_back(formatAddressRule(rule));
    return entries;
  }
  std::vector<std::string> operator()(const std::vector<DatabaseRule>& rules) const {
    std::vector<std::string> entries;
    for (const auto& rule : rules) entries.push_back(formatDatabaseRule(rule));
    return entries;
  }
  std::vector<std::string> operator()(const std::vector<Network>& networks) const {
    std::vector<std::string> entries;
    for (const auto& network : networks) entries.push_back(formatNetwork(network));
    return entries;
  }
  std::vector<std::string> operator()(const std::vector<std::string>& texts) const {
    return option.kind == Kind::Program ? std::vector{formatProgramWords(texts)} : texts;
  }
  std::vector<std::string> operator()(const std::optional<AdminAddress>& address) const {
    return {address ? formatAdminListen(*address) : std::string(kOff)};
  }
  std::vector<std::string> operator()(const std::string& text) const { return {text}; }
  std::vector<std::string> operator()(std::uint64_t number) const {
    if (option.kind == Kind::Workers && number == 0) return {std::string(kAuto)};
    if (option.kind == Kind::Mode) return {formatMode(number)};
    return {option.kind == Kind::Bytes ? formatBytes(number) : std::to_string(number)};
  }
  std::vector<std::string> operator()(Milliseconds duration) const { return {formatDuration(duration)}; }
  std::vector<std::string> operator()(bool flag) const { return {flag ? "yes" : "no"}; }
  template <class Enum>
  std::vector<std::string> operator()(Enum choice) const {
    return {std::string(Words<Enum>::kAll[static_cast<std::size_t>(choice)])};
  }
};

std::string joined(const auto& words, std::string_view separator, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last : separator;
    text += words[i];
  }
  return text;
}

struct ChoiceRange {
  template <class T>
  std::string operator()(T Config::*) const {
    if constexpr (std::is_enum_v<T>) {
      return joined(Words<T>::kAll, ", ", " or ");
    } else {
      return "";
    }
  }
};

std::string fromTo(const Option& option, auto&& formatted) {
  const std::string zero = option.zeroMeans.empty() ? "" : "0 (" + std::string(option.zeroMeans) + ") or ";
  return zero + formatted(option.min) + " to " + formatted(option.max);
}

}  // namespace

std::vector<std::string> formatEntries(const Option& option, const Config& config) {
  return std::visit([&](auto member) { return Formatter{option}(config.*member); }, option.member);
}

std::string format(const Option& option, const Config& config) {
  return joined(formatEntries(option, config), ",", ",");
}

std::string typeName(const Option& option) {
  constexpr std::string_view kNames[] = {
      "addresses", "addresses", "addresses", "layouts", "lines",    "address",  "text",
      "text",      "text",      "path",      "number",  "mode",     "number",   "size",
      "duration",  "yes or no", "choice",    "program", "networks", "commands", "commands"};
  return std::string(kNames[static_cast<std::size_t>(option.kind)]);
}

std::string unit(const Option& option) {
  switch (option.kind) {
    case Kind::Bytes: return "bytes, kb, mb, gb";
    case Kind::Duration: return "ms, s, m, h";
    default: return "";
  }
}

std::string range(const Option& option) {
  switch (option.kind) {
    case Kind::Nodes: return "host:port or [IPv6]:port, separated by commas";
    case Kind::Listeners:
      return "host:port, [IPv6]:port, :port for all local addresses, or "
             "unix:/path, separated by commas; each may be followed by " +
             listenerOptionsText();
    case Kind::AddressRules:
      return "host:port=host:port, or host=host for all ports, separated by commas; IPv6 in brackets";
    case Kind::DatabaseRules:
      return "database=layout, the database a number or a range, the layout spread, "
             "pinned, pinned:TAG (the slot is the tag's), grouped:PATTERN, grouped:PATTERN|PATTERN or denied, separated "
             "by commas";
    case Kind::Lines: return "lines \"user NAME RULE ...\", each a text of a list";
    case Kind::AdminListener:
      return "host:port, [IPv6]:port, :port for all local addresses, or off; may be followed by " +
             adminOptionsText();
    case Kind::Name:
      return "up to " + std::to_string(option.max) + " printable ASCII characters without spaces";
    case Kind::Word: return "up to " + std::to_string(option.max) + " characters without spaces";
    case Kind::Text:
    case Kind::Path: return "up to " + std::to_string(option.max) + " characters in one line";
    case Kind::Count: return fromTo(option, [](std::uint64_t n) { return std::to_string(n); });
    case Kind::Mode: return "three octal digits, such as 700 (the owner) or 770 (the group too)";
    case Kind::Workers: return "auto or " + fromTo(option, [](std::uint64_t n) { return std::to_string(n); });
    case Kind::Bytes: return fromTo(option, formatBytes);
    case Kind::Duration:
      return fromTo(option, [](std::uint64_t n) {
        return formatDuration(Milliseconds(static_cast<Milliseconds::rep>(n)));
      });
    case Kind::Boolean: return "yes or no";
    case Kind::Choice: return std::visit(ChoiceRange{}, option.member);
    case Kind::Program:
      return "a program and its arguments, separated by blanks, in double quotes where they have some; or, in "
             "the file, a list of them";
    case Kind::Networks:
      return "addresses such as 10.0.0.7 or ::1, or blocks such as 10.0.0.0/8 or fd00::/8, separated by commas";
    case Kind::Commands: return "command, command|subcommand or @category, separated by commas";
    case Kind::Renames: return "command=other, or command= so that it is not there, separated by commas";
  }
  return "";
}

std::string allowed(const Option& option) {
  switch (option.kind) {
    case Kind::Count: return "a number, " + range(option);
    case Kind::Bytes: return "a size such as 65536, 64kb or 1gb: " + range(option);
    case Kind::Duration: return "a duration with its unit, such as 500ms, 15s, 2m or 1h: " + range(option);
    default: return range(option);
  }
}

}  // namespace slotless::config
