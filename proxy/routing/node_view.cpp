#include "proxy/routing/node_view.h"

#include <algorithm>
#include <charconv>

#include "proxy/routing/check_hash.h"

namespace slotless::routing {

using protocol::Slot;

namespace {

// Positions of a line's words.
enum Word : std::size_t { kId = 0, kFlags = 2, kEpoch = 6, kFirstSlot = 8 };

std::string_view take(std::string_view& text, char delimiter) {
  const std::size_t end = std::min(text.find(delimiter), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <typename Number>
bool readNumber(std::string_view text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

bool readSlot(std::string_view text, Slot& slot) {
  return readNumber(text, slot) && slot < protocol::kSlotCount;
}

bool isOwn(std::string_view flags) {
  while (!flags.empty()) {
    if (take(flags, ',') == "myself") return true;
  }
  return false;
}

// "[93->-<id>]": on its way out; "[93-<-<id>]": on its way in.
void readMigration(std::string_view word, NodeView& view) {
  if (!word.ends_with(']')) return;
  word = word.substr(1, word.size() - 2);
  const std::size_t dash = word.find('-');
  Slot slot = 0;
  if (dash == std::string_view::npos || !readSlot(word.substr(0, dash), slot)) return;
  word.remove_prefix(dash);
  constexpr std::string_view kOut = "->-";
  constexpr std::string_view kIn = "-<-";
  if (word.starts_with(kOut)) view.migrating[slot] = word.substr(kOut.size());
  if (word.starts_with(kIn)) view.importing[slot] = word.substr(kIn.size());
}

using Ranges = std::vector<NodeView::Range>;

void readRange(std::string_view word, Ranges& ranges) {
  if (word.starts_with('[')) return;
  NodeView::Range range{};
  const std::string_view first = take(word, '-');
  if (!readSlot(first, range.first)) return;
  range.last = range.first;
  if (!word.empty() && !readSlot(word, range.last)) return;
  ranges.push_back(range);
}

bool beginsEarlier(const NodeView::Range& a, const NodeView::Range& b) {
  return a.first < b.first;
}

// `shares`: the ranges of each node that has slots.
void noteSharing(NodeView& view, std::vector<Ranges> shares) {
  std::sort(shares.begin(), shares.end(),
            [](const Ranges& a, const Ranges& b) { return beginsEarlier(a.front(), b.front()); });
  CheckHash hash;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (!view.ranges.empty() && shares[i].front().first == view.ranges.front().first) view.place = i;
    hash.add(shares[i].size());
    for (const NodeView::Range& range : shares[i]) hash.add(std::uint64_t{range.first} << 16 | range.last);
  }
  view.places = shares.size();
  view.sharing = hash.value();
}

}  // namespace

bool NodeView::owns(Slot slot) const noexcept {
  return std::any_of(ranges.begin(), ranges.end(),
                     [slot](const Range& range) { return range.first <= slot && slot <= range.last; });
}

std::uint32_t NodeView::rangeEnd(Slot slot) const noexcept {
  std::uint32_t end = slot + 1U;
  if (migrating.contains(slot)) return end;
  for (const Range& range : ranges) {
    if (range.first <= end && end <= range.last) end = range.last + 1U;
  }
  const auto next = migrating.upper_bound(slot);
  return next == migrating.end() ? end : std::min<std::uint32_t>(end, next->first);
}

std::optional<NodeView> parseNodeView(std::string_view clusterNodes) {
  std::optional<NodeView> own;
  std::vector<Ranges> shares;
  while (!clusterNodes.empty()) {
    std::string_view line = take(clusterNodes, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::vector<std::string_view> words;
    while (!line.empty()) words.push_back(take(line, ' '));
    if (words.size() < kFirstSlot) continue;
    Ranges ranges;
    for (std::size_t i = kFirstSlot; i < words.size(); ++i) readRange(words[i], ranges);
    std::sort(ranges.begin(), ranges.end(), beginsEarlier);
    if (!ranges.empty()) shares.push_back(ranges);
    NodeView view;
    if (own || !isOwn(words[kFlags]) || !readNumber(words[kEpoch], view.epoch)) continue;
    view.id = words[kId];
    view.ranges = std::move(ranges);
    for (std::size_t i = kFirstSlot; i < words.size(); ++i) {
      if (words[i].starts_with('[')) readMigration(words[i], view);
    }
    own = std::move(view);
  }
  if (own) noteSharing(*own, std::move(shares));
  return own;
}

NodeView viewOf(const cluster::Topology& topology, cluster::NodeIndex node) {
  NodeView view;
  const cluster::Node& known = topology.nodes[node];
  view.id = known.id.empty() ? known.address.text() : known.id;
  view.epoch = known.epoch;
  std::vector<Ranges> shares(topology.nodes.size());
  for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (topology.owners[slot] == cluster::kNoNode) continue;
    Ranges& ranges = shares[topology.owners[slot]];
    const Slot here = static_cast<Slot>(slot);
    if (!ranges.empty() && ranges.back().last + 1U == slot) {
      ranges.back().last = here;
    } else {
      ranges.push_back({here, here});
    }
  }
  view.ranges = shares[node];
  std::erase_if(shares, [](const Ranges& ranges) { return ranges.empty(); });
  noteSharing(view, std::move(shares));
  return view;
}

}  // namespace slotless::routing
