#include "proxy/routing/slot_shares.h"

#include <algorithm>

#include "protocol/lines.h"
#include "proxy/routing/node_view.h"

namespace slotless::routing {

using protocol::Slot;

namespace {

constexpr int kWordsBeforeSlots = 8;
constexpr int kFlagsBehind = 2;

// What stands behind the flags and numbers of the node's own line; script_nodes.lua has the same as a
// pattern.
std::string_view ownSlotsIn(std::string_view clusterNodes) {
  while (!clusterNodes.empty()) {
    std::string_view line = protocol::takeLine(clusterNodes);
    bool own = false;
    for (int i = 0; i < kWordsBeforeSlots; ++i) {
      const std::size_t end = std::min(line.find(' '), line.size());
      if (i == kFlagsBehind) own = line.substr(0, end).find("myself") != std::string_view::npos;
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    if (own) return line;
  }
  return {};
}

}  // namespace

std::string SlotShare::ranges() const {
  std::string text;
  for (std::size_t first = 0; first < slots.size(); ++first) {
    if (!slots[first]) continue;
    std::size_t last = first;
    while (last + 1 < slots.size() && slots[last + 1]) ++last;
    if (!text.empty()) text += ' ';
    text += std::to_string(first) + '-' + std::to_string(last);
    first = last;
  }
  return text;
}

std::optional<SlotShare> SlotShares::give(std::string_view clusterNodes) {
  const std::optional<NodeView> view = parseNodeView(clusterNodes);
  if (!view) return std::nullopt;
  SlotShare share;
  share.said = ownSlotsIn(clusterNodes);
  for (const NodeView::Range& range : view->ranges) {
    for (std::size_t slot = range.first; slot <= range.last; ++slot) share.slots.set(slot);
  }
  share.whole = view->migrating.empty() && view->importing.empty();
  for (const auto& [slot, target] : view->migrating) share.slots.reset(slot);
  keepOwn(share);
  return share;
}

SlotShare SlotShares::giveKnown(const cluster::Topology& topology, Slot slot) {
  SlotShare share;
  if (slot == protocol::kNoSlot || topology.owners[slot] == cluster::kNoNode) return share;
  for (std::size_t each = 0; each < protocol::kSlotCount; ++each)
    share.slots[each] = topology.owners[each] == topology.owners[slot];
  keepOwn(share);
  return share;
}

void SlotShares::keepOwn(SlotShare& share) noexcept {
  share.whole = share.whole && (share.slots & given_).none();
  share.slots &= ~given_;
  given_ |= share.slots;
}

bool SlotShares::anyLeft(const cluster::Topology& topology) const noexcept {
  for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (!done_[slot] && topology.owners[slot] != cluster::kNoNode) return true;
  }
  return false;
}

}  // namespace slotless::routing
