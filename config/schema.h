// The one table of all options: it drives the file, the environment, the command line, validation, the help
// text, the reference page and CONFIG GET. Adding an option means one member in config.h and one row in
// schema.cpp.
//
// min and max are in the kind's base unit: a number, bytes, milliseconds, or characters for texts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.h"

namespace slotless::config {

enum class Kind {
  Nodes,
  Listeners,
  AddressRules,
  DatabaseRules,
  Lines,
  AdminListener,
  Name,
  Word,
  Text,
  Path,
  Count,
  Mode,
  Workers,
  Bytes,
  Duration,
  Boolean,
  Choice,
  Program,
  Networks,
  Commands,
  Renames
};

enum class Group { Cluster, Listening, Clients, Links, Holding, Topology, Tls, Process };

using Member = std::variant<
    std::vector<Endpoint> Config::*, std::vector<Listener> Config::*, std::vector<AddressRule> Config::*,
    std::vector<DatabaseRule> Config::*, std::optional<AdminAddress> Config::*,
    std::vector<std::string> Config::*, std::string Config::*, std::uint64_t Config::*,
    Milliseconds Config::*, bool Config::*, ClientAuth Config::*, CrossSlot Config::*,
    CrossSlotTransactions Config::*, ReadFrom Config::*, BlockingOnLostLink Config::*,
    WriteOnLostLink Config::*, ScriptBusy Config::*, ReadyWhen Config::*, ClusterTlsVerify Config::*,
    TlsAuthClients Config::*, LogLevel Config::*, LogFormat Config::*, std::vector<Network> Config::*,
    CertificateUser Config::*, LimitAction Config::*, Upstream Config::*>;

enum Trait : unsigned {
  kPlain = 0,
  kReloadable = 1U << 0,  // Takes effect without a restart.
  kSecret = 1U << 1,      // Never shown, neither in errors nor by --check-config.
  kMayBeEmpty = 1U << 2,  // A list of which nothing is needed, whatever its kind.
};

struct Option {
  std::string_view name;
  Kind kind;
  Member member;
  Group group;
  std::uint64_t min;
  std::uint64_t max;
  std::string_view zeroMeans;  // If not empty, 0 is allowed whatever min says, and means this.
  unsigned traits;
  std::string_view
      redisVariable;  // A second environment variable, weaker than SLOTLESS_<OPTION>; may be empty.
  std::string_view
      redisName;  // What redis.conf calls it, where that differs or CONFIG GET needs it; may be empty.
  std::string_view sentence;

  bool isReloadable() const { return (traits & kReloadable) != 0; }
  bool isSecret() const { return (traits & kSecret) != 0; }
  // A list of which nothing is needed.
  bool mayBeEmpty() const {
    return kind == Kind::AddressRules || kind == Kind::DatabaseRules || kind == Kind::Lines ||
           kind == Kind::Networks || kind == Kind::Commands || kind == Kind::Renames ||
           (traits & kMayBeEmpty) != 0;
  }
  bool isList() const { return kind == Kind::Nodes || kind == Kind::Listeners || mayBeEmpty(); }
};

// In the order in which they are documented: by group.
std::span<const Option> schema();

// Null if there is no option of that name.
const Option* findOption(std::string_view name);

std::string_view title(Group group);

// `hold-timeout` -> `SLOTLESS_HOLD_TIMEOUT`.
std::string environmentName(std::string_view option);

}  // namespace slotless::config
