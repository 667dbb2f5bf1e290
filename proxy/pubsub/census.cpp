#include "proxy/pubsub/census.h"

namespace slotless::pubsub {

Census::Entry& Census::entry(TopicKind kind, std::string_view name) {
  auto& map = entries(kind);
  const auto found = map.find(name);
  if (found != map.end()) return found->second;
  const auto made = map.emplace(name, Entry{}).first;
  if (kind == TopicKind::Pattern) {
    patterns_.add(made->first, &made->second);
    ++patternChanges_;
  }
  return made->second;
}

void Census::dropIfUnused(TopicKind kind, std::string_view name) {
  auto& map = entries(kind);
  const auto found = map.find(name);
  if (found->second.listeners != 0 || !found->second.upstream.empty()) return;
  if (kind == TopicKind::Pattern) {
    patterns_.remove(found->first);
    ++patternChanges_;
  }
  map.erase(found);
}

void Census::addListeners(TopicKind kind, std::string_view name, std::int64_t change) {
  const std::lock_guard guard(mutex_);
  entry(kind, name).listeners += change;
  dropIfUnused(kind, name);
}

void Census::addDeparture(TopicKind kind, std::string_view name) {
  const std::lock_guard guard(mutex_);
  Entry& left = entry(kind, name);
  --left.listeners;
  ++left.departures;
  dropIfUnused(kind, name);
}

void Census::addUpstream(TopicKind kind, std::string_view name, const net::Address& node,
                         std::int64_t change) {
  const std::lock_guard guard(mutex_);
  auto& upstream = entry(kind, name).upstream;
  if ((upstream[node] += change) == 0) upstream.erase(node);
  dropIfUnused(kind, name);
}

void Census::add(Count& count, const Entry& entry, const net::Address& node) {
  count.listeners += entry.listeners;
  count.departures += entry.departures;
  if (const auto found = entry.upstream.find(node); found != entry.upstream.end())
    count.upstream += found->second;
}

const std::vector<const Census::Entry*>& Census::patternsFor(std::string_view channel) const {
  if (found_.empty()) found_.resize(kRemembered);
  Found& found = found_[NameHash{}(channel) % kRemembered];
  if (found.patterns == patternChanges_ && found.channel == channel) return found.entries;
  const bool isShort = channel.size() <= kRememberedBytes;
  found.patterns = isShort ? patternChanges_ : 0;
  found.channel = channel.substr(0, isShort ? channel.size() : 0);
  found.entries.clear();
  patterns_.visitMatches(
      channel, [&](const void* entry) { found.entries.push_back(static_cast<const Entry*>(entry)); });
  comparisons_ += patterns_.tried();
  return found.entries;
}

std::uint64_t Census::comparisons() const {
  const std::lock_guard guard(mutex_);
  return comparisons_;
}

Census::Count Census::reachedBy(std::string_view channel, const net::Address& node) const {
  const std::lock_guard guard(mutex_);
  Count count;
  const auto& channels = entries(TopicKind::Channel);
  if (const auto found = channels.find(channel); found != channels.end()) add(count, found->second, node);
  if (!entries(TopicKind::Pattern).empty()) {
    for (const Entry* entry : patternsFor(channel)) add(count, *entry, node);
  }
  return count;
}

Census::Count Census::reachedByShard(std::string_view channel, const net::Address& node) const {
  const std::lock_guard guard(mutex_);
  Count count;
  const auto& channels = entries(TopicKind::Shard);
  if (const auto found = channels.find(channel); found != channels.end()) add(count, found->second, node);
  return count;
}

Census::Count Census::of(TopicKind kind, std::string_view name) const {
  const std::lock_guard guard(mutex_);
  const auto& map = entries(kind);
  const auto found = map.find(name);
  if (found == map.end()) return {};
  Count count{found->second.listeners, 0, found->second.departures};
  for (const auto& [node, number] : found->second.upstream) count.upstream += number;
  return count;
}

std::int64_t Census::excessPatterns() const {
  const std::lock_guard guard(mutex_);
  std::int64_t excess = 0;
  for (const auto& [pattern, entry] : entries(TopicKind::Pattern)) {
    if (entry.upstream.empty()) continue;
    excess += static_cast<std::int64_t>(entry.upstream.size()) - (entry.listeners > 0 ? 1 : 0);
  }
  return excess;
}

bool Census::isOfClients(TopicKind kind, std::string_view name) const {
  const std::lock_guard guard(mutex_);
  const auto& map = entries(kind);
  const auto found = map.find(name);
  return found == map.end() || found->second.listeners > 0 || found->second.upstream.empty();
}

}  // namespace slotless::pubsub
