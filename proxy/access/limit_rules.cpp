#include "proxy/access/limit_rules.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <type_traits>

#include "config/endpoint.h"
#include "config/quantity.h"
#include "config/words.h"
#include "protocol/ascii.h"

namespace slotless::access {
namespace {

using ReadFromWords = config::Words<config::ReadFrom>;
using ActionWords = config::Words<config::LimitAction>;

constexpr std::string_view kAny = "any";

constexpr std::uint32_t kMostDatabases = 16384;

std::optional<std::uint32_t> numberIn(std::string_view text) {
  std::uint32_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || number >= kMostDatabases)
    return std::nullopt;
  return number;
}

bool takeDatabases(Limits& limits, std::string_view value) {
  if (value == "all") {
    limits.databases.reset();
    return true;
  }
  DatabaseSet set;
  for (std::size_t begin = 0; begin <= value.size();) {
    const std::size_t end = std::min(value.find(',', begin), value.size());
    const std::string_view entry = value.substr(begin, end - begin);
    const std::size_t dash = entry.find('-');
    const auto first = numberIn(entry.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : numberIn(entry.substr(dash + 1));
    if (!first || !last || *last < *first) return false;
    set.emplace_back(*first, *last);
    begin = end + 1;
  }
  limits.databases = std::move(set);
  return true;
}

bool takeDatabase(Limits& limits, std::string_view value) {
  if (value == "any") {
    limits.firstDatabase.reset();
    return true;
  }
  limits.firstDatabase = numberIn(value);
  return limits.firstDatabase.has_value();
}

bool takeReadFrom(Limits& limits, std::string_view value) {
  if (value == "any") {
    limits.readFrom.reset();
    return true;
  }
  const auto& words = ReadFromWords::kAll;
  const auto* const found = std::find(words.begin(), words.end(), value);
  if (found == words.end()) return false;
  limits.readFrom = static_cast<config::ReadFrom>(found - words.begin());
  return true;
}

// "any" takes a limit back.
template <auto kMember, auto kParse>
bool takeAmount(Limits& limits, std::string_view value) {
  (limits.*kMember).reset();
  if (value == kAny) return true;
  const auto amount = kParse(value);
  using Amount = std::decay_t<decltype(*amount.value)>;
  if (!amount.value || *amount.value <= Amount{0}) return false;
  limits.*kMember = *amount.value;
  return true;
}

bool takeLimitAction(Limits& limits, std::string_view value) {
  limits.limitAction.reset();
  if (value == kAny) return true;
  const auto& words = ActionWords::kAll;
  const auto* const found = std::find(words.begin(), words.end(), value);
  if (found == words.end()) return false;
  limits.limitAction = static_cast<config::LimitAction>(found - words.begin());
  return true;
}

bool takeListeners(Limits& limits, std::string_view value) {
  if (value == "all") {
    limits.listeners.reset();
    return true;
  }
  std::vector<config::Endpoint> listeners;
  for (std::size_t begin = 0; begin <= value.size();) {
    const std::size_t end = std::min(value.find(',', begin), value.size());
    auto endpoint = config::parseClientAddress(value.substr(begin, end - begin));
    if (!endpoint.value) return false;
    listeners.push_back(std::move(*endpoint.value));
    begin = end + 1;
  }
  limits.listeners = std::move(listeners);
  return true;
}

bool takeScripts(Limits& limits, std::string_view value) {
  limits.scriptsUnchecked = value == "unchecked";
  return limits.scriptsUnchecked || value == "refused";
}

bool takeReadOnly(Limits& limits, std::string_view) {
  limits.readOnly = true;
  return true;
}

bool takeReadWrite(Limits& limits, std::string_view) {
  limits.readOnly = false;
  return true;
}

struct LimitWord {
  std::string_view name;
  bool hasValue;
  bool (*take)(Limits& limits, std::string_view value);
};
constexpr LimitWord kWords[] = {
    {"databases", true, takeDatabases},
    {"database", true, takeDatabase},
    {"read-from", true, takeReadFrom},
    {"read-only", false, takeReadOnly},
    {"read-write", false, takeReadWrite},
    {"scripts", true, takeScripts},
    {"listeners", true, takeListeners},
    {"limit-action", true, takeLimitAction},
    {"max-clients", true, takeAmount<&Limits::maxClients, config::parseCount>},
    {"requests-per-second", true, takeAmount<&Limits::requestsPerSecond, config::parseCount>},
    {"bytes-per-second", true, takeAmount<&Limits::bytesPerSecond, config::parseBytes>},
    {"in-flight", true, takeAmount<&Limits::inFlight, config::parseCount>},
    {"client-idle-timeout", true, takeAmount<&Limits::clientIdleTimeout, config::parseDuration>},
};

std::string textOf(const DatabaseSet& set) {
  std::string text;
  for (const auto& [first, last] : set) {
    if (!text.empty()) text += ',';
    text += std::to_string(first);
    if (last != first) text += "-" + std::to_string(last);
  }
  return text;
}

std::string textOf(const std::vector<config::Endpoint>& listeners) {
  std::string text;
  for (const config::Endpoint& each : listeners)
    text += (text.empty() ? "" : ",") + config::formatEndpoint(each);
  return text;
}

}  // namespace

LimitResult applyLimit(Limits& limits, std::string_view rule) {
  const std::size_t equals = rule.find('=');
  const bool hasValue = equals != std::string_view::npos;
  const std::string_view name = rule.substr(0, equals);
  const auto* const found = std::find_if(std::begin(kWords), std::end(kWords), [&](const LimitWord& each) {
    return each.hasValue == hasValue && protocol::equalsIgnoringCase(each.name, name);
  });
  if (found == std::end(kWords)) return LimitResult::Other;
  const std::string_view value = hasValue ? rule.substr(equals + 1) : std::string_view();
  return found->take(limits, value) ? LimitResult::Taken : LimitResult::Wrong;
}

std::vector<std::pair<std::string, std::string>> limitWords(const Limits& limits) {
  std::vector<std::pair<std::string, std::string>> words;
  if (limits.databases) words.emplace_back("databases", textOf(*limits.databases));
  if (limits.firstDatabase) words.emplace_back("database", std::to_string(*limits.firstDatabase));
  if (limits.readFrom)
    words.emplace_back("read-from", ReadFromWords::kAll[static_cast<std::size_t>(*limits.readFrom)]);
  if (limits.readOnly) words.emplace_back("read-only", "");
  if (limits.scriptsUnchecked) words.emplace_back("scripts", "unchecked");
  if (limits.listeners) words.emplace_back("listeners", textOf(*limits.listeners));
  if (limits.maxClients) words.emplace_back("max-clients", std::to_string(*limits.maxClients));
  if (limits.requestsPerSecond)
    words.emplace_back("requests-per-second", std::to_string(*limits.requestsPerSecond));
  if (limits.bytesPerSecond)
    words.emplace_back("bytes-per-second", config::formatBytes(*limits.bytesPerSecond));
  if (limits.inFlight) words.emplace_back("in-flight", std::to_string(*limits.inFlight));
  if (limits.limitAction)
    words.emplace_back("limit-action", ActionWords::kAll[static_cast<std::size_t>(*limits.limitAction)]);
  if (limits.clientIdleTimeout)
    words.emplace_back("client-idle-timeout", config::formatDuration(*limits.clientIdleTimeout));
  return words;
}

}  // namespace slotless::access
