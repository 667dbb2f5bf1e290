#include "proxy/session/client_filter.h"

#include <algorithm>
#include <charconv>

#include "protocol/ascii.h"

namespace slotless::session {

namespace {

struct TypeName {
  std::string_view name;
  ClientType type;
};
constexpr TypeName kTypes[] = {{"normal", ClientType::Normal},
                               {"slave", ClientType::Replica},
                               {"replica", ClientType::Replica},
                               {"pubsub", ClientType::PubSub},
                               {"master", ClientType::Master}};

std::optional<std::int64_t> positive(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

// Each takes one value; false: `error` has the line.
struct Reading {
  ClientFilter& filter;
  std::string_view value;
  std::string_view knownUser;
  std::string& error;

  bool fail(std::string line) const {
    error = std::move(line);
    return false;
  }
};

bool readId(Reading& reading) {
  const auto id = positive(reading.value);
  if (!id) return reading.fail("ERR client-id should be greater than 0");
  reading.filter.id = static_cast<std::uint64_t>(*id);
  return true;
}

bool readType(Reading& reading) {
  reading.filter.type = clientTypeOf(reading.value);
  return reading.filter.type || reading.fail("ERR Unknown client type '" + std::string(reading.value) + "'");
}

bool readUser(Reading& reading) {
  reading.filter.user = reading.value;
  return reading.value == reading.knownUser || reading.value == "default" ||
         reading.fail("ERR No such user '" + std::string(reading.value) + "'");
}

bool readAddress(Reading& reading) {
  reading.filter.address = reading.value;
  return true;
}

bool readLocalAddress(Reading& reading) {
  reading.filter.localAddress = reading.value;
  return true;
}

bool readMaxAge(Reading& reading) {
  reading.filter.ageSeconds = positive(reading.value);
  return reading.filter.ageSeconds || reading.fail("ERR maxage should be greater than 0");
}

bool readSkipMe(Reading& reading) {
  const bool yes = protocol::equalsIgnoringCase(reading.value, "yes");
  reading.filter.skipAsking = yes;
  return yes || protocol::equalsIgnoringCase(reading.value, "no") || reading.fail("ERR syntax error");
}

struct KillOption {
  std::string_view name;
  bool (*read)(Reading&);
};
constexpr KillOption kKillOptions[] = {
    {"id", readId},     {"type", readType},     {"addr", readAddress}, {"laddr", readLocalAddress},
    {"user", readUser}, {"skipme", readSkipMe}, {"maxage", readMaxAge}};

}  // namespace

bool ClientFilter::matches(const ClientFacts& facts) const {
  return (!id || *id == facts.id) && (!type || *type == facts.type) && (!user || *user == facts.user) &&
         (!address || *address == facts.address) && (!localAddress || *localAddress == facts.localAddress) &&
         (!ageSeconds || facts.ageSeconds >= *ageSeconds);
}

std::optional<ClientType> clientTypeOf(std::string_view name) {
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& each) {
    return protocol::equalsIgnoringCase(name, each.name);
  });
  return found == std::end(kTypes) ? std::nullopt : std::optional(found->type);
}

std::optional<ClientFilter> parseKillOptions(protocol::Argv options, std::string_view knownUser,
                                             std::string& error) {
  ClientFilter filter;
  for (std::size_t i = 0; i < options.size(); i += 2) {
    const auto* option = std::find_if(
        std::begin(kKillOptions), std::end(kKillOptions),
        [&](const KillOption& each) { return protocol::equalsIgnoringCase(options[i], each.name); });
    if (option == std::end(kKillOptions) || i + 1 == options.size()) {
      error = "ERR syntax error";
      return std::nullopt;
    }
    Reading reading{filter, options[i + 1], knownUser, error};
    if (!option->read(reading)) return std::nullopt;
  }
  return filter;
}

}  // namespace slotless::session
