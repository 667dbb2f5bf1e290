#include "proxy/migrate/places.h"

#include "protocol/key_scheme.h"

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
  if (!database.mapped() && protocol::isReservedKey(key.name)) return std::nullopt;
  return Place{database.slotOf(key.name), 0, database.physicalName(key.name)};
}

std::optional<Key> Places::keyOf(std::string_view name, std::uint32_t) const {
  const databases::Database* const owner = databases_.ownerOf(name);
  if (owner == nullptr) return std::nullopt;
  return Key{owner->index, std::string(owner->logicalName(name))};
}

}  // namespace slotless::migrate
