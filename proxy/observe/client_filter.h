// Which clients CLIENT KILL and CLIENT LIST mean: their options, parsed, with the servers' error texts.
//
// What there is to choose by depends on the servers (ServerManners). Source: Redis 7.0, 7.4 and 8.0, Valkey
// 8.1 and 9.1 networking.c, and their answers.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "proxy/observe/client_facts.h"
#include "proxy/observe/server_manners.h"

namespace slotless::session {

// What clients have in common; empty: nothing is asked for.
struct ClientTraits {
  std::vector<std::uint64_t> ids;
  std::optional<ClientType> type;
  std::optional<std::string> user;
  std::optional<std::string> address;
  std::optional<std::string> localAddress;
  std::optional<std::string> host;
  std::optional<std::string> name;
  std::optional<std::string> libraryName;
  std::optional<std::string> libraryVersion;
  std::optional<std::string> flags;
  std::optional<std::string> capabilities;
  std::optional<std::int64_t> ageSeconds;   // at least
  std::optional<std::int64_t> idleSeconds;  // at least
  std::optional<std::uint32_t> database;
};

struct ClientFilter {
  ClientTraits wanted;    // all of them
  ClientTraits unwanted;  // none of them
  bool skipAsking = true;

  bool matches(const ClientFacts& facts) const;
};

std::optional<ClientType> clientTypeOf(std::string_view name, const ServerManners& manners);

// What the options are checked against.
struct FilterContext {
  const ServerManners& manners;
  std::function<bool(std::string_view)> isUser;
  std::size_t databases;
  bool lists;  // CLIENT LIST, not CLIENT KILL
};
// The options behind the subcommand. nullopt: `error` has the line.
std::optional<ClientFilter> parseFilter(protocol::Argv options, const FilterContext& context,
                                        std::string& error);

}  // namespace slotless::session
