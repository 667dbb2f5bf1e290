// The names of a cluster behind Slotless: as the layouts of its databases have them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/databases/database.h"
#include "proxy/migrate/naming.h"

namespace slotless::migrate {

class Places final : public Naming {
 public:
  explicit Places(const config::Config& config) : databases_(config) {}

  // Why this database cannot be copied; empty: it can.
  std::string objectionTo(std::uint32_t database) const;
  std::optional<Place> of(const Key& key) const override;
  std::optional<Key> keyOf(std::string_view name, std::uint32_t nodeDatabase) const override;
  // Of the nodes: 0, and those of native layouts.
  std::vector<std::uint32_t> nodeDatabases() const;
  // What the migration and the proxies keep for themselves.
  static bool isOwnName(std::string_view name) noexcept;
  const databases::Databases& databases() const noexcept { return databases_; }

 private:
  databases::Databases databases_;
};

}  // namespace slotless::migrate
