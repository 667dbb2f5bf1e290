#include "proxy/databases/database.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/database_rule.h"

namespace slotless::databases {

namespace {

Database make(std::uint32_t index, const config::DatabaseRule& rule) {
  Database database;
  database.index = index;
  // The nodes' own database 0 is where all keys are that are not in another one of theirs.
  const bool isFirst = index == 0 && rule.layout == Layout::Native;
  database.layout = isFirst ? Layout::Spread : rule.layout;
  if (rule.layout == Layout::Spread && index > 0) database.prefix = protocol::spreadPrefix(index);
  if (rule.layout == Layout::Grouped) {
    database.prefix = protocol::groupedPrefix(index);
    database.groups = KeyGroups(rule.patterns);
    std::copy(database.prefix.begin(), database.prefix.end(), database.prefixRoom.begin());
    database.tags = &protocol::SlotTags::get();
  }
  if (rule.layout != Layout::Pinned) return database;
  const std::string tag = rule.tag.empty() ? protocol::tagFor(index) : rule.tag;
  database.prefix = protocol::pinnedPrefix(index, tag);
  database.slot = protocol::slotOf(database.prefix);
  database.routingKey = protocol::routingKey(tag);
  return database;
}

}  // namespace

bool Database::ownsGrouped(std::string_view physical) const noexcept {
  const std::string_view head = std::string_view(prefix).substr(0, prefix.size() - kTagAndEnd);
  return physical.size() >= prefix.size() && physical.starts_with(head) &&
         physical[prefix.size() - 1] == prefix.back();
}

std::size_t Database::findName(std::string_view text) const noexcept {
  if (!grouped()) return text.find(prefix);
  const std::string_view head = std::string_view(prefix).substr(0, prefix.size() - kTagAndEnd);
  std::size_t at = text.find(head);
  while (at != std::string_view::npos && !ownsGrouped(text.substr(at))) at = text.find(head, at + 1);
  return at;
}

void Databases::layOut(const config::Config& config) {
  if (!all_.empty()) former_.push_back({std::move(all_), std::move(numberings_)});
  all_.clear();
  numberings_.clear();
  unmapped_ = nullptr;
  for (std::uint32_t i = 0; i < config.databases; ++i) all_.push_back(make(i, config::ruleFor(config, i)));
  anyMapped_ = std::any_of(all_.begin(), all_.end(), [](const Database& each) { return each.mapped(); });
  anyNative_ = std::any_of(all_.begin(), all_.end(), [](const Database& each) { return each.native(); });
  if (!all_.front().mapped() && all_.front().layout != Layout::Denied) unmapped_ = &all_.front();
  addNumbering(config.databaseMap);
  numbering_ = numberings_.at(config.databaseMap).get();
  for (const config::Listener& listener : config.listen) {
    if (listener.options.databaseMap) addNumbering(*listener.options.databaseMap);
  }
}

void Databases::addNumbering(const std::string& map) {
  if (!numberings_.contains(map)) numberings_[map] = std::make_unique<const Numbering>(*this, map);
}

Numbering::Numbering(const Databases& databases, std::string_view map) : same_(map.empty()) {
  if (same_) {
    for (const Database& each : databases.all()) databases_.push_back(&each);
    return;
  }
  for (const std::uint64_t number : config::parseDatabaseMap(map).value_or(std::vector<std::uint64_t>{}))
    databases_.push_back(&databases.at(number));
}

std::optional<std::uint32_t> Numbering::numberOf(const Database& database) const noexcept {
  if (same_) return database.index;
  const auto found = std::find(databases_.begin(), databases_.end(), &database);
  if (found == databases_.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - databases_.begin());
}

const Database* Databases::ownerOf(std::string_view physical) const noexcept {
  if (!protocol::isReservedKey(physical)) return unmapped_;
  std::size_t index = 0;
  const auto parsed = std::from_chars(physical.data() + 1, physical.data() + physical.size(), index);
  if (parsed.ec != std::errc{} || index >= all_.size()) return nullptr;
  const Database& found = all_[index];
  return found.mapped() && found.owns(physical) ? &found : nullptr;
}

bool Databases::renumbers() const {
  return std::any_of(numberings_.begin(), numberings_.end(),
                     [](const auto& each) { return !each.second->same(); });
}

}  // namespace slotless::databases
