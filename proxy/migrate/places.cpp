#include "proxy/migrate/places.h"

#include "proxy/databases/reserved_keys.h"

namespace slotless::migrate {

std::string Places::objectionTo(std::uint32_t database) const {
  const std::string name = "database " + std::to_string(database);
  if (database >= databases_.size())
    return name + " of the source has keys, and the target has " + std::to_string(databases_.size()) +
           " databases (--databases)";
  if (databases_.at(database).layout == databases::Layout::Denied)
    return name + " of the source has keys, and its layout is denied (--database-layout)";
  return {};
}

std::optional<Place> Places::of(const Key& key) const {
  const databases::Database& database = databases_.at(key.database);
  const bool native = database.layout == databases::Layout::Native;
  const bool reserved = !native && !databases::keyObjection(databases_, database, key.name).empty();
  if (reserved || isOwnName(key.name)) return std::nullopt;
  return Place{database.slotOf(key.name), native ? key.database : 0, database.physicalName(key.name)};
}

std::optional<Key> Places::keyOf(std::string_view name, std::uint32_t nodeDatabase) const {
  if (isOwnName(name)) return std::nullopt;
  if (nodeDatabase != 0) {
    const bool native =
        nodeDatabase < databases_.size() && databases_.at(nodeDatabase).layout == databases::Layout::Native;
    return native ? std::optional(Key{nodeDatabase, std::string(name)}) : std::nullopt;
  }
  const databases::Database& first = databases_.at(0);
  if (!databases_.anyMapped() && !first.mapped()) {
    if (databases::isOwnKey(name)) return std::nullopt;
    return Key{0, std::string(name)};
  }
  const databases::Database* const owner = databases_.ownerOf(name);
  if (owner == nullptr) return std::nullopt;
  return Key{owner->index, std::string(owner->logicalName(name))};
}

std::vector<std::uint32_t> Places::nodeDatabases() const {
  std::vector<std::uint32_t> found{0};
  for (const databases::Database& each : databases_.all()) {
    if (each.layout == databases::Layout::Native && each.index != 0) found.push_back(each.index);
  }
  return found;
}

bool Places::isOwnName(std::string_view name) noexcept {
  return name.starts_with("~{slotless-");
}

}  // namespace slotless::migrate
