#include "proxy/pubsub/census.h"

#include <algorithm>
#include <utility>

#include "proxy/pubsub/peer_channel.h"

namespace slotless::pubsub {

namespace {

bool isIndexed(TopicKind kind, std::string_view name) noexcept {
  return kind == TopicKind::Pattern && name != kPeerPattern;
}

}  // namespace

Census::Entry& Census::entry(TopicKind kind, std::string_view name) {
  auto& map = entries(kind);
  const auto found = map.find(name);
  if (found != map.end()) return found->second;
  const auto made = map.emplace(name, Entry{}).first;
  if (isIndexed(kind, name)) {
    patterns_.add(made->first, &made->second);
    ++indexed_;
    ++patternChanges_;
  }
  return made->second;
}

void Census::dropIfUnused(TopicKind kind, std::string_view name) {
  auto& map = entries(kind);
  const auto found = map.find(name);
  if (!found->second.own.empty() || found->second.others != nullptr) return;
  if (isIndexed(kind, name)) {
    patterns_.remove(found->first);
    --indexed_;
    ++patternChanges_;
  }
  map.erase(found);
}

void Census::addListeners(TopicKind kind, std::string_view name, std::int64_t change) {
  const std::lock_guard guard(mutex_);
  Entry& found = entry(kind, name);
  found.own.listeners += change;
  noteOwn(kind, name, found);
  dropIfUnused(kind, name);
}

void Census::addDeparture(TopicKind kind, std::string_view name) {
  const std::lock_guard guard(mutex_);
  Entry& left = entry(kind, name);
  --left.own.listeners;
  ++left.departures;
  noteOwn(kind, name, left);
  dropIfUnused(kind, name);
}

namespace {

void addTo(TopicShare& share, const net::Address& node, std::int64_t change) {
  if ((share.upstream[node] += change) == 0) share.upstream.erase(node);
}

}  // namespace

void Census::addUpstream(TopicKind kind, std::string_view name, const net::Address& node,
                         std::int64_t change) {
  const std::lock_guard guard(mutex_);
  Entry& found = entry(kind, name);
  addTo(found.own, node, change);
  noteOwn(kind, name, found);
  dropIfUnused(kind, name);
}

void Census::replaceOthers(TopicKind kind, std::string_view name, const TopicShare& before,
                           const TopicShare& now) {
  const std::lock_guard guard(mutex_);
  Entry& found = entry(kind, name);
  if (found.others == nullptr) found.others = std::make_unique<TopicShare>();
  found.others->listeners += now.listeners - before.listeners;
  for (const auto& [node, number] : before.upstream) addTo(*found.others, node, -number);
  for (const auto& [node, number] : now.upstream) addTo(*found.others, node, number);
  if (found.others->empty()) found.others.reset();
  dropIfUnused(kind, name);
}

// --- what others are to be told ---

bool Census::isUneven(TopicKind kind, const TopicShare& own) noexcept {
  if (own.empty()) return false;
  if (kind == TopicKind::Pattern || own.upstream.size() != 1) return true;
  return own.upstream.begin()->second != own.listeners;
}

void Census::noteOwn(TopicKind kind, std::string_view name, const Entry& entry) {
  auto& map = uneven_[static_cast<std::size_t>(kind)];
  const auto found = map.find(name);
  const bool was = found != map.end();
  const bool is = isUneven(kind, entry.own);
  if (was || is) ++unevenVersion_;
  if (was == is) return;
  if (is) {
    map.emplace(name, &entry.own);
    unevenBytes_ += name.size();
  } else {
    map.erase(found);
    unevenBytes_ -= name.size();
  }
}

std::optional<std::vector<Census::Uneven>> Census::uneven(std::size_t most, std::size_t mostBytes) const {
  const std::lock_guard guard(mutex_);
  std::size_t count = 0;
  for (const auto& map : uneven_) count += map.size();
  if (count > most || unevenBytes_ > mostBytes) return std::nullopt;
  std::vector<Uneven> all;
  all.reserve(count);
  for (std::size_t kind = 0; kind < uneven_.size(); ++kind) {
    for (const auto& [name, share] : uneven_[kind])
      all.push_back({static_cast<TopicKind>(kind), name, *share});
  }
  return all;
}

std::uint64_t Census::unevenVersion() const {
  const std::lock_guard guard(mutex_);
  return unevenVersion_;
}

void Census::setPeers(PeerReportPtr report) {
  const std::lock_guard guard(mutex_);
  peers_ = std::move(report);
}

PeerReportPtr Census::peers() const {
  const std::lock_guard guard(mutex_);
  return peers_;
}

// --- the counts ---

void Census::add(Count& count, const Entry& entry, const net::Address& node) {
  count.departures += entry.departures;
  const auto addShare = [&](const TopicShare& share) {
    count.listeners += share.listeners;
    if (const auto found = share.upstream.find(node); found != share.upstream.end())
      count.upstream += found->second;
  };
  addShare(entry.own);
  if (entry.others != nullptr) addShare(*entry.others);
}

std::int64_t Census::listenersOf(const Entry& entry) noexcept {
  return entry.own.listeners + (entry.others != nullptr ? entry.others->listeners : 0);
}

// A node counts a pattern once, whoever is subscribed to it there.
std::size_t Census::nodesOf(const Entry& entry) {
  if (entry.others == nullptr) return entry.own.upstream.size();
  const auto& own = entry.own.upstream;
  return own.size() +
         static_cast<std::size_t>(std::count_if(entry.others->upstream.begin(), entry.others->upstream.end(),
                                                [&](const auto& each) { return !own.contains(each.first); }));
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
  if (indexed_ > 0) {
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
  const Entry& entry = found->second;
  Count count{listenersOf(entry), 0, entry.departures};
  for (const auto& [node, number] : entry.own.upstream) count.upstream += number;
  if (entry.others == nullptr) return count;
  for (const auto& [node, number] : entry.others->upstream) count.upstream += number;
  return count;
}

std::int64_t Census::excessPatterns() const {
  const std::lock_guard guard(mutex_);
  std::int64_t excess = 0;
  for (const auto& [pattern, entry] : entries(TopicKind::Pattern)) {
    const std::size_t nodes = nodesOf(entry);
    if (nodes == 0) continue;
    excess += static_cast<std::int64_t>(nodes) - (listenersOf(entry) > 0 ? 1 : 0);
  }
  return excess;
}

bool Census::isOfClients(TopicKind kind, std::string_view name) const {
  const std::lock_guard guard(mutex_);
  const auto& map = entries(kind);
  const auto found = map.find(name);
  return found == map.end() || listenersOf(found->second) > 0 || nodesOf(found->second) == 0;
}

}  // namespace slotless::pubsub
