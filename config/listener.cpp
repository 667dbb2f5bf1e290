#include "config/listener.h"

#include <algorithm>
#include <array>
#include <optional>
#include <type_traits>

#include "config/endpoint.h"
#include "config/schema.h"
#include "config/suggestion.h"
#include "config/value.h"

namespace slotless::config {

namespace {

// An option of the schema that an address may have its own value of.
template <class Options>
struct OwnOption {
  std::string_view name;
  void (*take)(const Config&, Options&);
  // False: it has none.
  bool (*give)(const Options&, Config&);
  void (*drop)(Options&);
};

template <auto kEverywhere, auto kHere, class Options, class Value>
constexpr OwnOption<Options> ownBy(std::string_view name, std::optional<Value> Options::*) {
  return {name, [](const Config& from, Options& to) { to.*kHere = from.*kEverywhere; },
          [](const Options& from, Config& to) {
            if (from.*kHere) to.*kEverywhere = *(from.*kHere);
            return (from.*kHere).has_value();
          },
          [](Options& of) { (of.*kHere).reset(); }};
}
template <auto kEverywhere, auto kHere>
constexpr auto own(std::string_view name) {
  return ownBy<kEverywhere, kHere>(name, kHere);
}

template <class Options>
constexpr auto kOwnOptions = nullptr;

template <>
constexpr std::array kOwnOptions<ListenerOptions> = {
    own<&Config::readFrom, &ListenerOptions::readFrom>("read-from"),
    own<&Config::defaultDatabase, &ListenerOptions::defaultDatabase>("default-database"),
    own<&Config::databaseMap, &ListenerOptions::databaseMap>("database-map"),
    own<&Config::writeOnLostLink, &ListenerOptions::writeOnLostLink>("write-on-lost-link"),
    own<&Config::crossSlotTransactions, &ListenerOptions::crossSlotTransactions>("cross-slot-transactions"),
    own<&Config::tls, &ListenerOptions::tls>("tls"),
    own<&Config::allow, &ListenerOptions::allow>("allow"),
    own<&Config::deny, &ListenerOptions::deny>("deny"),
    own<&Config::proxyProtocol, &ListenerOptions::proxyProtocol>("proxy-protocol"),
    own<&Config::proxyProtocolTrusted, &ListenerOptions::proxyProtocolTrusted>("proxy-protocol-trusted"),
    own<&Config::denyCommands, &ListenerOptions::denyCommands>("deny-commands"),
    own<&Config::renameCommands, &ListenerOptions::renameCommands>("rename-commands"),
    own<&Config::maxClientsPerAddress, &ListenerOptions::maxClientsPerAddress>("max-clients-per-address"),
    own<&Config::acceptRatePerAddress, &ListenerOptions::acceptRatePerAddress>("accept-rate-per-address"),
    own<&Config::requestRatePerAddress, &ListenerOptions::requestRatePerAddress>(
        "requests-per-second-per-address"),
    own<&Config::byteRatePerAddress, &ListenerOptions::byteRatePerAddress>("bytes-per-second-per-address"),
    own<&Config::maxInFlightPerAddress, &ListenerOptions::maxInFlightPerAddress>("max-in-flight-per-address"),
    own<&Config::limitAction, &ListenerOptions::limitAction>("limit-action"),
    own<&Config::clientIdleTimeout, &ListenerOptions::clientIdleTimeout>("client-idle-timeout"),
};

template <>
constexpr std::array kOwnOptions<AdminOptions> = {
    own<&Config::tls, &AdminOptions::tls>("tls"),
    own<&Config::tlsAuthClients, &AdminOptions::tlsAuthClients>("tls-auth-clients"),
};

template <class Options>
const OwnOption<Options>* find(std::string_view name) {
  const auto& all = kOwnOptions<Options>;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& o) { return o.name == name; });
  return found == all.end() ? nullptr : &*found;
}

template <class Options>
std::string names() {
  std::string text;
  for (const auto& option : kOwnOptions<Options>) {
    text += (text.empty() ? "" : ", ") + std::string(option.name);
  }
  return text;
}

template <class Options>
std::string unknown(std::string_view name) {
  const auto* meant = find<Options>(suggestion(name));
  std::string text = "a listener has no option " + inQuotes(name);
  return text +
         (meant != nullptr ? "; did you mean " + inQuotes(meant->name) + "?" : ", only " + names<Options>());
}

// Commas separate listeners, so the entries of a list within one are separated by +.
std::string withSeparator(const Option& option, std::string_view list, char from, char to) {
  std::string text(list);
  if (option.isList()) std::replace(text.begin(), text.end(), from, to);
  return text;
}

// What is wrong, or nothing.
template <class Options>
std::string takeOption(std::string_view text, Options& options) {
  const auto equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (name.empty()) return "after ? and & there must be an option";
  const auto* option = find<Options>(name);
  if (option == nullptr) return unknown<Options>(name);
  if (equals == std::string_view::npos) return std::string(name) + " has no value";
  Config scratch;
  if (option->give(options, scratch)) return std::string(name) + " is there twice";
  const Option& everywhere = *findOption(name);
  const std::string value = withSeparator(everywhere, text.substr(equals + 1), '+', ',');
  if (auto problem = assign(everywhere, value, Assign::Replace, scratch)) {
    return std::string(name) + ": " + *problem;
  }
  option->take(scratch, options);
  return {};
}

template <class Place>
Parsed<Place> parsePlace(std::string_view text, Parsed<Endpoint> (*parseAddress)(std::string_view)) {
  const auto question = text.find('?');
  auto address = parseAddress(text.substr(0, question));
  if (!address.value) return {{}, address.reason};
  Place place{*address.value, {}};
  for (auto begin = question; begin != std::string_view::npos;) {
    const auto end = text.find('&', begin + 1);
    auto problem = takeOption(text.substr(begin + 1, end == std::string_view::npos ? end : end - begin - 1),
                              place.options);
    if (!problem.empty()) return {{}, problem};
    begin = end;
  }
  return {std::move(place), ""};
}

template <class Place>
std::string formatPlace(const Place& place) {
  std::string text = formatEndpoint(place);
  char separator = '?';
  for (const auto& option : kOwnOptions<std::decay_t<decltype(place.options)>>) {
    Config scratch;
    if (!option.give(place.options, scratch)) continue;
    const Option& everywhere = *findOption(option.name);
    text += separator + std::string(option.name) + "=" +
            withSeparator(everywhere, format(everywhere, scratch), ',', '+');
    separator = '&';
  }
  return text;
}

template <class Options>
std::string optionsText() {
  std::string text;
  for (const auto& option : kOwnOptions<Options>) {
    text += (text.empty() ? "?" : "&") + std::string(option.name) + "=VALUE";
  }
  return text;
}

}  // namespace

Parsed<Listener> parseListen(std::string_view text) {
  return parsePlace<Listener>(text, parseClientAddress);
}

std::string formatListen(const Listener& listener) {
  return formatPlace(listener);
}

Parsed<AdminAddress> parseAdminListen(std::string_view text) {
  return parsePlace<AdminAddress>(text, parseListener);
}

std::string formatAdminListen(const AdminAddress& address) {
  return formatPlace(address);
}

bool usesTls(const Config& config, const Listener& listener) {
  return listener.options.tls.value_or(config.tls && !listener.isUnix());
}

bool adminUsesTls(const Config& config) {
  return config.adminListen && config.adminListen->options.tls.value_or(false);
}

TlsAuthClients adminAuthClients(const Config& config) {
  if (!config.adminListen) return config.tlsAuthClients;
  return config.adminListen->options.tlsAuthClients.value_or(config.tlsAuthClients);
}

void takeReloadable(const Listener& loaded, Listener& inForce) {
  for (const auto& option : kOwnOptions<ListenerOptions>) {
    if (!findOption(option.name)->isReloadable()) continue;
    Config scratch;
    if (option.give(loaded.options, scratch)) {
      option.take(scratch, inForce.options);
    } else {
      option.drop(inForce.options);
    }
  }
}

std::string listenerOptionsText() {
  return "?OPTION=VALUE&..., for its clients alone";
}

std::string adminOptionsText() {
  return optionsText<AdminOptions>();
}

}  // namespace slotless::config
