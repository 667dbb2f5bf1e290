#include "proxy/observe/client_filter.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "protocol/ascii.h"
#include "protocol/strict_integer.h"

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
constexpr std::string_view kPrimary = "primary";

// What servers that filter by them know.
constexpr std::string_view kFlags = "ABEFIMNOPRSTUbcdefirtux";
constexpr std::string_view kCapabilities = "r";

// One option with its value; false: `error` has the line.
struct Reading {
  ClientFilter& filter;
  ClientTraits& traits;     // the wanted or the unwanted ones
  protocol::Argv& options;  // that have not been read: the value is the first
  const FilterContext& context;
  std::string_view prefix;  // "NOT-", or nothing
  std::string& error;

  bool fail(std::string line) const {
    error = std::move(line);
    return false;
  }
  std::string_view value() const { return options.front(); }
};

bool keepText(std::optional<std::string>& trait, const Reading& reading) {
  trait = reading.value();
  return true;
}

// Older servers read one number, whatever stands there, and newer ones all that there are.
bool readId(Reading& reading) {
  const bool many = reading.context.manners.listsByFilter;
  const std::size_t before = reading.traits.ids.size();
  if (!many) reading.traits.ids.clear();
  while (!reading.options.empty()) {
    const auto id = protocol::strictInteger(reading.value());
    if (many && !id) break;
    if (!id || *id < 1) return reading.fail("ERR client-id should be greater than 0");
    reading.traits.ids.push_back(static_cast<std::uint64_t>(*id));
    if (!many) return true;
    reading.options = reading.options.subspan(1);
  }
  return reading.traits.ids.size() > before || reading.fail("ERR syntax error");
}

bool readType(Reading& reading) {
  reading.traits.type = clientTypeOf(reading.value(), reading.context.manners);
  return reading.traits.type ||
         reading.fail("ERR Unknown client type '" + std::string(reading.value()) + "'");
}

bool readUser(Reading& reading) {
  reading.traits.user = reading.value();
  return reading.context.isUser(reading.value()) ||
         reading.fail("ERR No such user '" + std::string(reading.value()) + "'");
}

bool readPositive(std::optional<std::int64_t>& trait, std::string_view what, const Reading& reading) {
  trait = protocol::strictInteger(reading.value());
  const std::string name = "ERR " + std::string(reading.prefix) + std::string(what);
  if (!trait) return reading.fail(name + " is not an integer or out of range");
  return *trait > 0 || reading.fail(name + " should be greater than 0");
}

bool readDatabase(Reading& reading) {
  const auto number = protocol::strictInteger(reading.value());
  const std::string name = "ERR " + std::string(reading.prefix) + "DB";
  if (!number) return reading.fail(name + " is not an integer or out of range");
  if (*number < 0 || static_cast<std::uint64_t>(*number) >= reading.context.databases) {
    return reading.fail(name + " number should be between 0 and " +
                        std::to_string(reading.context.databases - 1));
  }
  reading.traits.database = static_cast<std::uint32_t>(*number);
  return true;
}

bool readLetters(std::optional<std::string>& trait, std::string_view known, std::string_view what,
                 const Reading& reading) {
  if (reading.value().find_first_not_of(known) == std::string_view::npos) return keepText(trait, reading);
  std::string option(what);
  std::transform(option.begin(), option.end(), option.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::string where = reading.prefix.empty() ? "provided" : std::string(reading.prefix) + option;
  return reading.fail("ERR Unknown " + std::string(what) + " found in the " + where +
                      " filter: " + std::string(reading.value()));
}

bool readSkipMe(Reading& reading) {
  const bool yes = protocol::equalsIgnoringCase(reading.value(), "yes");
  reading.filter.skipAsking = yes;
  return yes || protocol::equalsIgnoringCase(reading.value(), "no") || reading.fail("ERR syntax error");
}

// `known`: to servers that have it; nullptr: all have.
struct Option {
  std::string_view name;
  bool (*read)(Reading&);
  bool ServerManners::*known = nullptr;
  bool takesNot = true;
  bool takesMany = false;  // reads as many values as it likes
};
constexpr bool ServerManners::*kNewest = &ServerManners::filtersByAll;
constexpr Option kOptions[] = {
    {"id", readId, nullptr, true, true},
    {"type", readType},
    {"addr", [](Reading& r) { return keepText(r.traits.address, r); }},
    {"laddr", [](Reading& r) { return keepText(r.traits.localAddress, r); }},
    {"user", readUser},
    {"skipme", readSkipMe, nullptr, false},
    {"maxage", [](Reading& r) { return readPositive(r.traits.ageSeconds, "maxage", r); },
     &ServerManners::killsByAge, false},
    {"idle", [](Reading& r) { return readPositive(r.traits.idleSeconds, "idle", r); }, kNewest, false},
    {"name", [](Reading& r) { return keepText(r.traits.name, r); }, kNewest},
    {"lib-name", [](Reading& r) { return keepText(r.traits.libraryName, r); }, kNewest},
    {"lib-ver", [](Reading& r) { return keepText(r.traits.libraryVersion, r); }, kNewest},
    {"flags", [](Reading& r) { return readLetters(r.traits.flags, kFlags, "flags", r); }, kNewest},
    {"capa", [](Reading& r) { return readLetters(r.traits.capabilities, kCapabilities, "capa", r); },
     kNewest},
    {"ip", [](Reading& r) { return keepText(r.traits.host, r); }, kNewest},
    {"db", readDatabase, kNewest},
};

const Option* optionOf(std::string_view name, bool negated, const ServerManners& manners) {
  const auto* found = std::find_if(std::begin(kOptions), std::end(kOptions), [&](const Option& each) {
    return protocol::equalsIgnoringCase(name, each.name) && (each.known == nullptr || manners.*each.known) &&
           (each.takesNot || !negated);
  });
  return found == std::end(kOptions) ? nullptr : found;
}

bool holdsAll(std::string_view letters, std::string_view wanted) {
  return wanted.find_first_not_of(letters) == std::string_view::npos;
}

// What a client has not set equals nothing.
bool isNamed(std::string_view name, std::string_view wanted) {
  return !name.empty() && name == wanted;
}

// Each trait with whether the client has it, if it is asked for.
template <typename Take>
void compare(const ClientTraits& traits, const ClientFacts& facts, Take take) {
  if (!traits.ids.empty())
    take(std::find(traits.ids.begin(), traits.ids.end(), facts.id) != traits.ids.end());
  if (traits.type) take(*traits.type == facts.type);
  if (traits.user) take(*traits.user == facts.user);
  if (traits.address) take(*traits.address == facts.address);
  if (traits.localAddress) take(*traits.localAddress == facts.localAddress);
  if (traits.host) take(*traits.host == facts.host);
  if (traits.name) take(isNamed(facts.name, *traits.name));
  if (traits.libraryName) take(isNamed(facts.libraryName, *traits.libraryName));
  if (traits.libraryVersion) take(isNamed(facts.libraryVersion, *traits.libraryVersion));
  if (traits.flags) take(holdsAll(facts.flags, *traits.flags));
  if (traits.capabilities) take(holdsAll(facts.capabilities, *traits.capabilities));
  if (traits.ageSeconds) take(facts.ageSeconds >= *traits.ageSeconds);
  if (traits.idleSeconds) take(facts.idleSeconds >= *traits.idleSeconds);
  if (traits.database) take(facts.database == *traits.database);
}

}  // namespace

bool ClientFilter::matches(const ClientFacts& facts) const {
  bool all = true;
  bool any = false;
  compare(wanted, facts, [&](bool is) { all = all && is; });
  compare(unwanted, facts, [&](bool is) { any = any || is; });
  return all && !any;
}

std::optional<ClientType> clientTypeOf(std::string_view name, const ServerManners& manners) {
  if (manners.namesPrimaries && protocol::equalsIgnoringCase(name, kPrimary)) return ClientType::Master;
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& each) {
    return protocol::equalsIgnoringCase(name, each.name);
  });
  return found == std::end(kTypes) ? std::nullopt : std::optional(found->type);
}

std::optional<ClientFilter> parseFilter(protocol::Argv options, const FilterContext& context,
                                        std::string& error) {
  constexpr std::string_view kNot = "NOT-";
  ClientFilter filter;
  filter.skipAsking = !context.lists;
  while (!options.empty()) {
    std::string_view name = options.front();
    options = options.subspan(1);
    const bool negated = context.manners.filtersByAll && name.size() > kNot.size() &&
                         protocol::equalsIgnoringCase(name.substr(0, kNot.size()), kNot);
    if (negated) name.remove_prefix(kNot.size());
    const Option* option = optionOf(name, negated, context.manners);
    if (option == nullptr || options.empty()) {
      error = "ERR syntax error";
      return std::nullopt;
    }
    Reading reading{filter,  negated ? filter.unwanted : filter.wanted, options,
                    context, negated ? kNot : std::string_view(),       error};
    const bool many = option->takesMany && context.manners.listsByFilter;
    if (!option->read(reading)) return std::nullopt;
    if (!many) options = options.subspan(1);
  }
  return filter;
}

}  // namespace slotless::session
