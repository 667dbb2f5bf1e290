#include "proxy/routing/node_view.h"

#include <algorithm>
#include <charconv>

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

void readSlots(std::string_view word, NodeView& view) {
  if (word.starts_with('[')) return readMigration(word, view);
  NodeView::Range range{};
  const std::string_view first = take(word, '-');
  if (!readSlot(first, range.first)) return;
  range.last = range.first;
  if (!word.empty() && !readSlot(word, range.last)) return;
  view.ranges.push_back(range);
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
  while (!clusterNodes.empty()) {
    std::string_view line = take(clusterNodes, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::vector<std::string_view> words;
    while (!line.empty()) words.push_back(take(line, ' '));
    if (words.size() < kFirstSlot || !isOwn(words[kFlags])) continue;
    NodeView view;
    view.id = words[kId];
    if (!readNumber(words[kEpoch], view.epoch)) continue;
    for (std::size_t i = kFirstSlot; i < words.size(); ++i) readSlots(words[i], view);
    std::sort(view.ranges.begin(), view.ranges.end(),
              [](const NodeView::Range& a, const NodeView::Range& b) { return a.first < b.first; });
    return view;
  }
  return std::nullopt;
}

NodeView viewOf(const cluster::Topology& topology, cluster::NodeIndex node) {
  NodeView view;
  const cluster::Node& known = topology.nodes[node];
  view.id = known.id.empty() ? known.address.text() : known.id;
  view.epoch = known.epoch;
  for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (topology.owners[slot] != node) continue;
    const Slot here = static_cast<Slot>(slot);
    if (!view.ranges.empty() && view.ranges.back().last + 1U == slot) {
      view.ranges.back().last = here;
    } else {
      view.ranges.push_back({here, here});
    }
  }
  return view;
}

}  // namespace slotless::routing
