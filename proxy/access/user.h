// One user, as the rules of the ACL language have made it: plain values. What it may do with a command is
// compiled from it, see permission.h.
//
// A user is shared as an immutable value once it has been made (see users.h). Source: Redis 7.0 server.h
// user, acl.c aclSelector; rules about commands are kept in their order, as Redis 7.2 does.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace slotless::access {

enum KeyPermission : std::uint8_t { kRead = 1U << 0, kWrite = 1U << 1, kReadAndWrite = kRead | kWrite };

struct KeyPattern {
  std::string pattern;
  std::uint8_t permissions = kReadAndWrite;

  bool operator==(const KeyPattern&) const = default;
};

// +@read, -get, +config|get, +select|0.
struct CommandRule {
  enum class Kind : std::uint8_t { Category, Command, FirstArgument };

  bool allowed = false;
  Kind kind = Kind::Command;
  std::string name;  // lower case; a category's without '@', a subcommand's is "container|sub"
  std::string firstArgument = {};

  bool operator==(const CommandRule&) const = default;
};

// What may be done at once: one set of commands on one set of keys and channels. The user may do what any of
// its selectors allows.
struct Selector {
  bool allCommands = false;  // before the rules
  bool allKeys = false;
  bool allChannels = false;
  std::vector<CommandRule> commands;
  std::vector<KeyPattern> keys;
  std::vector<std::string> channels;

  bool operator==(const Selector&) const = default;
};

// Databases by number, in ranges.
using DatabaseSet = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// Beyond Redis.
struct Limits {
  std::optional<DatabaseSet> databases;        // nullopt: all
  std::optional<std::uint32_t> firstDatabase;  // where the user begins; nullopt: where the connection does
  std::optional<config::ReadFrom> readFrom;    // nullopt: as for all
  bool readOnly = false;
  bool scriptsUnchecked = false;  // may run scripts though not all that they do is allowed
  std::optional<std::vector<config::Endpoint>> listeners;  // where it may log in; nullopt: everywhere
  // Of all its clients together, over all workers; nullopt: any number.
  std::optional<std::uint64_t> maxClients;
  std::optional<std::uint64_t> requestsPerSecond;
  std::optional<std::uint64_t> bytesPerSecond;            // both ways
  std::optional<std::uint64_t> inFlight;                  // requests that are not answered
  std::optional<config::LimitAction> limitAction;         // nullopt: as for all
  std::optional<config::Milliseconds> clientIdleTimeout;  // nullopt: as for all

  // Something has to be counted with each request.
  bool counts() const noexcept { return requestsPerSecond || bytesPerSecond || inFlight; }

  bool operator==(const Limits&) const = default;
};

struct User {
  std::string name;
  bool enabled = false;
  bool withoutPassword = false;
  std::optional<bool> sanitizes;       // of no consequence here, but shown; nullopt: nothing has been said
  std::vector<std::string> passwords;  // digests, see digest.h
  Selector root;
  std::vector<Selector> selectors;  // beside the root
  Limits limits;

  bool operator==(const User&) const = default;
};

using UserPtr = std::shared_ptr<const User>;

inline constexpr std::string_view kDefaultUser = "default";

// Is the user on, and is that its password? nullptr: there is no such user, which takes as long to find out.
bool accepts(const User* user, std::string_view password);
bool maySelect(const User& user, std::uint32_t database) noexcept;
bool mayUse(const User& user, const config::Endpoint& listener);
// May it hear of that channel? `isPattern`: it is one, and has to be allowed by that name.
bool mayHear(const User& user, std::string_view channel, bool isPattern = false);
bool mayHear(const Selector& selector, std::string_view channel, bool isPattern);
bool includes(const DatabaseSet& set, std::uint32_t database) noexcept;

}  // namespace slotless::access
