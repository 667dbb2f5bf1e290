#include "config/address_rule.h"

#include "config/endpoint.h"

namespace slotless::config {

namespace {

// With a port, or without one, which is 0 then.
Parsed<Endpoint> parseSide(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const auto colon = text.rfind(':');
  const bool hasPort =
      colon != std::string_view::npos && (!bracketed || (colon > 0 && text[colon - 1] == ']'));
  if (hasPort) return parseNode(text);
  auto host = parseNode(std::string(text) + ":1");
  if (host.value) host.value->port = 0;
  return host;
}

std::string formatSide(const Endpoint& side) {
  const std::string text = formatEndpoint(side);
  return side.port == 0 ? text.substr(0, text.rfind(':')) : text;
}

}  // namespace

Parsed<AddressRule> parseAddressRule(std::string_view text) {
  if (mayHoldCredentials(text))
    return {{}, "a URL is not an address: leave out the scheme and the credentials"};
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return {{}, "the = is missing"};
  auto from = parseSide(text.substr(0, equals));
  if (!from.value) return {{}, "before the =: " + from.reason};
  auto to = parseSide(text.substr(equals + 1));
  if (!to.value) return {{}, "after the =: " + to.reason};
  if (from.value->port == 0 && to.value->port != 0)
    return {{}, "several nodes cannot be at one address: name the port before the ="};
  return {AddressRule{std::move(*from.value), std::move(*to.value)}, ""};
}

std::string formatAddressRule(const AddressRule& rule) {
  return formatSide(rule.from) + "=" + formatSide(rule.to);
}

}  // namespace slotless::config
