// Where the target has a key of the source: its name there, its slot, and the database of the node.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "protocol/slot.h"
#include "proxy/databases/database.h"

namespace slotless::migrate {

struct Key {
  std::uint32_t database = 0;
  std::string name;

  bool operator==(const Key&) const = default;
};

struct Place {
  protocol::Slot slot = 0;
  std::uint32_t nodeDatabase = 0;
  std::string name;
};

class Places {
 public:
  explicit Places(const config::Config& config) : databases_(config) {}

  // Why this database cannot be copied; empty: it can.
  std::string objectionTo(std::uint32_t database) const;
  // nullopt: the name is one of those that the target reserves.
  std::optional<Place> of(const Key& key) const;
  // The key of the source that a key of the target stands for; nullopt: none, it is somebody else's.
  std::optional<Key> keyOf(std::string_view name, std::uint32_t nodeDatabase) const;
  // Of the nodes: 0, and those of native layouts.
  std::vector<std::uint32_t> nodeDatabases() const;
  // What the migration and the proxies keep for themselves.
  static bool isOwnName(std::string_view name) noexcept;
  const databases::Databases& databases() const noexcept { return databases_; }

 private:
  databases::Databases databases_;
};

}  // namespace slotless::migrate
