// How large the pinned databases are: for /metrics, and a warning before one outgrows its master.
#include "proxy/server/server.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

void Server::startCounter() {
  const auto all = databases();
  counter_.reset();
  std::set<protocol::Slot> slots;
  for (const databases::Database& each : all->all()) {
    if (each.pinned()) slots.insert(each.slot);
  }
  if (slots.empty()) return;
  counter_ = std::make_unique<discovery::SlotCounter>(cluster_.loop(), counterSettings(), std::move(slots),
                                                      [this](const auto& counts) { onCounted(counts); });
}

void Server::onCounted(const discovery::SlotCounter::Counts& counts) {
  const std::uint64_t limit = config()->databaseWarnKeys;
  const auto all = databases();
  const std::lock_guard guard(sharedMutex_);
  for (const databases::Database& each : all->all()) {
    const auto found = each.pinned() ? counts.find(each.slot) : counts.end();
    if (found == counts.end()) continue;
    std::uint64_t& known = databaseKeys_[each.index];
    if (limit > 0 && found->second > limit && known <= limit) {
      log::warn("a pinned database is large: all of it is on one master",
                {{"database", each.index}, {"keys", found->second}, {"database_warn_keys", limit}});
    }
    known = found->second;
  }
}

std::vector<telemetry::DatabaseFacts> Server::databaseFacts() const {
  std::vector<telemetry::DatabaseFacts> facts;
  const auto all = databases();
  if (all->size() < 2) return facts;
  const std::lock_guard guard(sharedMutex_);
  for (const databases::Database& each : all->all()) {
    if (each.layout == databases::Layout::Denied) continue;
    const auto keys = databaseKeys_.find(each.index);
    facts.push_back({each.index, keys == databaseKeys_.end() ? std::nullopt : std::optional(keys->second)});
  }
  return facts;
}

discovery::CounterSettings Server::counterSettings() {
  discovery::CounterSettings settings;
  settings.access = access();
  settings.queryTimeout = config_->connectTimeout;
  return settings;
}

}  // namespace slotless::server
