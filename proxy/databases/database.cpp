#include "proxy/databases/database.h"

#include <algorithm>
#include <charconv>

#include "config/database_rule.h"
#include "protocol/key_scheme.h"

namespace slotless::databases {

namespace {

Database make(std::uint32_t index, const config::DatabaseRule& rule) {
  Database database;
  database.index = index;
  database.layout = rule.layout;
  if (rule.layout == Layout::Spread && index > 0) database.prefix = protocol::spreadPrefix(index);
  if (rule.layout != Layout::Pinned) return database;
  const std::string tag = rule.tag.empty() ? protocol::tagFor(index) : rule.tag;
  database.prefix = protocol::pinnedPrefix(index, tag);
  database.slot = protocol::slotOf(database.prefix);
  database.routingKey = protocol::routingKey(tag);
  return database;
}

}  // namespace

Databases::Databases(const config::Config& config) {
  for (std::uint32_t i = 0; i < config.databases; ++i) all_.push_back(make(i, config::ruleFor(config, i)));
  anyMapped_ = std::any_of(all_.begin(), all_.end(), [](const Database& each) { return each.mapped(); });
  if (!all_.front().mapped() && all_.front().layout != Layout::Denied) unmapped_ = &all_.front();
}

const Database* Databases::ownerOf(std::string_view physical) const noexcept {
  if (!protocol::isReservedKey(physical)) return unmapped_;
  std::size_t index = 0;
  const auto parsed = std::from_chars(physical.data() + 1, physical.data() + physical.size(), index);
  if (parsed.ec != std::errc{} || index >= all_.size()) return nullptr;
  const Database& found = all_[index];
  return found.mapped() && physical.starts_with(found.prefix) ? &found : nullptr;
}

}  // namespace slotless::databases
