// How one side of a migration names keys: where it has a key of an application, and what key a name there
// stands for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/slot.h"

namespace slotless::migrate {

struct Key {
  std::uint32_t database = 0;
  std::string name;

  bool operator==(const Key&) const = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const noexcept {
    return std::hash<std::string>()(key.name) ^ key.database;
  }
};

// Of a change whose database has not been told.
inline constexpr std::uint32_t kAnyDatabase = UINT32_MAX;

struct Place {
  protocol::Slot slot = 0;
  std::uint32_t nodeDatabase = 0;
  std::string name;
};

class Naming {
 public:
  Naming() = default;
  Naming(const Naming&) = delete;
  Naming& operator=(const Naming&) = delete;
  virtual ~Naming() = default;

  // nullopt: the name is one of those that this side reserves.
  virtual std::optional<Place> of(const Key& key) const = 0;
  // nullopt: no key of an application has that name there.
  virtual std::optional<Key> keyOf(std::string_view name, std::uint32_t nodeDatabase) const = 0;
};

// One server: its names and databases are those of the applications.
class ServerNames final : public Naming {
 public:
  std::optional<Place> of(const Key& key) const override { return Place{0, key.database, key.name}; }
  std::optional<Key> keyOf(std::string_view name, std::uint32_t nodeDatabase) const override {
    return Key{nodeDatabase, std::string(name)};
  }
};

}  // namespace slotless::migrate
