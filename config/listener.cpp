#include "config/listener.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "config/endpoint.h"
#include "config/schema.h"
#include "config/suggestion.h"
#include "config/value.h"

namespace slotless::config {

namespace {

// An option of the schema that a listener may have its own value of.
struct OwnOption {
  std::string_view name;
  void (*take)(const Config&, ListenerOptions&);
  // False: it has none.
  bool (*give)(const ListenerOptions&, Config&);
};

template <auto kEverywhere, auto kHere>
constexpr OwnOption own(std::string_view name) {
  return {name, [](const Config& from, ListenerOptions& to) { to.*kHere = from.*kEverywhere; },
          [](const ListenerOptions& from, Config& to) {
            if (from.*kHere) to.*kEverywhere = *(from.*kHere);
            return (from.*kHere).has_value();
          }};
}

constexpr OwnOption kOwnOptions[] = {
    own<&Config::readFrom, &ListenerOptions::readFrom>("read-from"),
    own<&Config::defaultDatabase, &ListenerOptions::defaultDatabase>("default-database"),
    own<&Config::databaseMap, &ListenerOptions::databaseMap>("database-map"),
    own<&Config::writeOnLostLink, &ListenerOptions::writeOnLostLink>("write-on-lost-link"),
    own<&Config::crossSlotTransactions, &ListenerOptions::crossSlotTransactions>("cross-slot-transactions"),
    own<&Config::tls, &ListenerOptions::tls>("tls"),
};

const OwnOption* find(std::string_view name) {
  const auto* found = std::find_if(std::begin(kOwnOptions), std::end(kOwnOptions),
                                   [&](const OwnOption& o) { return o.name == name; });
  return found == std::end(kOwnOptions) ? nullptr : found;
}

std::string names() {
  std::string text;
  for (const OwnOption& option : kOwnOptions) text += (text.empty() ? "" : ", ") + std::string(option.name);
  return text;
}

std::string unknown(std::string_view name) {
  const OwnOption* meant = find(suggestion(name));
  std::string text = "a listener has no option " + inQuotes(name);
  return text + (meant != nullptr ? "; did you mean " + inQuotes(meant->name) + "?" : ", only " + names());
}

// What is wrong, or nothing.
std::string takeOption(std::string_view text, ListenerOptions& options) {
  const auto equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (name.empty()) return "after ? and & there must be an option";
  const OwnOption* option = find(name);
  if (option == nullptr) return unknown(name);
  if (equals == std::string_view::npos) return std::string(name) + " has no value";
  Config scratch;
  if (option->give(options, scratch)) return std::string(name) + " is there twice";
  if (auto problem = assign(*findOption(name), text.substr(equals + 1), Assign::Replace, scratch)) {
    return std::string(name) + ": " + *problem;
  }
  option->take(scratch, options);
  return {};
}

}  // namespace

Parsed<Listener> parseListen(std::string_view text) {
  const auto question = text.find('?');
  auto address = parseClientAddress(text.substr(0, question));
  if (!address.value) return {{}, address.reason};
  Listener listener{*address.value, {}};
  for (auto begin = question; begin != std::string_view::npos;) {
    const auto end = text.find('&', begin + 1);
    auto problem = takeOption(text.substr(begin + 1, end == std::string_view::npos ? end : end - begin - 1),
                              listener.options);
    if (!problem.empty()) return {{}, problem};
    begin = end;
  }
  return {std::move(listener), ""};
}

std::string formatListen(const Listener& listener) {
  std::string text = formatEndpoint(listener);
  char separator = '?';
  for (const OwnOption& option : kOwnOptions) {
    Config scratch;
    if (!option.give(listener.options, scratch)) continue;
    text += separator + std::string(option.name) + "=" + format(*findOption(option.name), scratch);
    separator = '&';
  }
  return text;
}

bool usesTls(const Config& config, const Listener& listener) {
  return listener.options.tls.value_or(config.tls && !listener.isUnix());
}

std::string listenerOptionsText() {
  std::string text;
  for (const OwnOption& option : kOwnOptions) {
    text += (text.empty() ? "?" : "&") + std::string(option.name) + "=VALUE";
  }
  return text + ", for its clients alone";
}

}  // namespace slotless::config
