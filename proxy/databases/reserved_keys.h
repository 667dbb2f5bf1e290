// Names of keys that clients may not use, because they would meet what is not theirs. Who has a database
// whose keys have names of their own cannot meet anything: these keys are called otherwise in the cluster.
#pragma once
#include <string_view>

#include "protocol/key_scheme.h"
#include "proxy/databases/database.h"

namespace slotless::databases {

// What the proxy and its tools write for themselves: for WAIT, a cut-over, SCAN's long cursors, and commands
// over several slots.
bool isOwnKey(std::string_view key) noexcept;
// False: none of them stands in these bytes.
bool mayNameOwnKey(std::string_view bytes) noexcept;

// Why a key may not be called so in a database whose keys have their own names in the cluster; nearly always
// empty, after one compared byte. Where no database has other names only the proxy's own are taken: all other
// keys have been somebody's before.
inline std::string_view keyObjection(const Databases& databases, std::string_view key) noexcept {
  constexpr std::string_view kOtherDatabases =
      "ERR Keys that begin like '~1{' or '~1:' are reserved for other databases";
  constexpr std::string_view kSlotless = "ERR Keys of this name are reserved: Slotless writes them itself";
  if (key.empty() || key.front() != protocol::kKeyMark) return {};
  if (databases.anyMapped()) return protocol::hasReservedShape(key) ? kOtherDatabases : std::string_view();
  return isOwnKey(key) ? kSlotless : std::string_view();
}

// The same for a key of `database`.
inline std::string_view keyObjection(const Databases& databases, const Database& database,
                                     std::string_view key) noexcept {
  return database.mapped() ? std::string_view() : keyObjection(databases, key);
}

}  // namespace slotless::databases
