// Which clients CLIENT KILL and CLIENT LIST mean: their options, parsed, with Redis's error texts.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/argv.h"
#include "proxy/session/client_facts.h"

namespace slotless::session {

struct ClientFilter {
  std::optional<std::uint64_t> id;
  std::optional<ClientType> type;
  std::optional<std::string> user;
  std::optional<std::string> address;
  std::optional<std::string> localAddress;
  std::optional<std::int64_t> ageSeconds;  // at least
  bool skipAsking = true;

  bool matches(const ClientFacts& facts) const;
};

std::optional<ClientType> clientTypeOf(std::string_view name);
// The options behind CLIENT KILL. nullopt: `error` has the line. `knownUser`: the only other user besides
// "default".
std::optional<ClientFilter> parseKillOptions(protocol::Argv options, std::string_view knownUser,
                                             std::string& error);

}  // namespace slotless::session
