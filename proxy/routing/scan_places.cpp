#include "proxy/routing/scan_places.h"

namespace slotless::routing {

using protocol::Slot;
using Stage = ScanCursor::Stage;

namespace {

// As many nodes as the layouts of cursors have numbers for.
constexpr std::size_t kMostNodes = 127;
constexpr std::uint32_t kNearSlots = 256;
constexpr std::uint32_t kNearRanges = 4;

bool rangeBegins(const cluster::Topology& topology, std::uint32_t slot) {
  const cluster::NodeIndex owner = topology.owners[slot];
  return owner != cluster::kNoNode && (slot == 0 || topology.owners[slot - 1] != owner);
}

}  // namespace

bool fits(const ScanCursor& cursor, std::uint32_t whole) {
  return shortenedCheck(whole, cursor) == shortenedCheck(cursor.check, cursor);
}

std::optional<Slot> nextServedSlot(const cluster::Topology& topology, std::uint32_t slot) {
  for (; slot < protocol::kSlotCount; ++slot) {
    if (topology.owners[slot] != cluster::kNoNode) return static_cast<Slot>(slot);
  }
  return std::nullopt;
}

ScanPlaces placesIn(const cluster::Topology& topology) {
  ScanPlaces places;
  std::vector<bool> seen(topology.nodes.size());
  for (std::uint32_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (!rangeBegins(topology, slot)) continue;
    ++places.ranges;
    if (seen[topology.owners[slot]]) continue;
    seen[topology.owners[slot]] = true;
    places.firstSlots.push_back(static_cast<Slot>(slot));
  }
  return places;
}

ScanCursor scanBeginning(const cluster::Topology& topology) {
  const ScanPlaces places = placesIn(topology);
  const std::size_t nodes = places.firstSlots.size();
  const bool scattered = nodes <= kMostNodes && topology.nodes.size() <= kMostNodes &&
                         places.ranges > kMostRangesPerNode * nodes;
  return {scattered ? Stage::Node : Stage::Owner, 0, 0, 0};
}

std::optional<std::uint64_t> placeNear(const cluster::Topology& topology, Slot slot) {
  const std::uint32_t near = slot / kNearSlots;
  std::uint32_t ordinal = 0;
  for (std::uint32_t each = near * kNearSlots; each < slot; ++each) ordinal += rangeBegins(topology, each);
  if (!rangeBegins(topology, slot) || ordinal >= kNearRanges) return std::nullopt;
  return near * kNearRanges + ordinal;
}

std::optional<Slot> rangeNear(const cluster::Topology& topology, std::uint64_t place) {
  const std::uint32_t begin = nearSlot(place);
  auto ordinal = place % kNearRanges;
  for (std::uint32_t slot = begin; slot < begin + kNearSlots; ++slot) {
    if (rangeBegins(topology, slot) && ordinal-- == 0) return static_cast<Slot>(slot);
  }
  return std::nullopt;
}

Slot nearSlot(std::uint64_t place) noexcept {
  return static_cast<Slot>(place / kNearRanges * kNearSlots);
}

}  // namespace slotless::routing
