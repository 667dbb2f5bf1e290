// What SCAN reads out of a topology: where ranges of slots begin, and who has some. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/routing/scan_cursor.h"

namespace slotless::routing {

// Does a check taken from a cursor (shortened) belong to the whole one?
bool fits(const ScanCursor& cursor, std::uint32_t whole);

// The first slot from `slot` on that somebody serves.
std::optional<protocol::Slot> nextServedSlot(const cluster::Topology& topology, std::uint32_t slot);

struct ScanPlaces {
  std::vector<protocol::Slot> firstSlots;  // of each node that has slots, ascending
  std::size_t ranges = 0;
};
ScanPlaces placesIn(const cluster::Topology& topology);

// More ranges than that, and an iteration goes node by node: each is scanned once then.
inline constexpr std::size_t kMostRangesPerNode = 2;
// The first cursor of an iteration.
ScanCursor scanBeginning(const cluster::Topology& topology);

// Stage::Near: a range that begins at `slot`, in 8 bits …
std::optional<std::uint64_t> placeNear(const cluster::Topology& topology, protocol::Slot slot);
// … and back. nullopt: no such range begins there (any more); then it is somewhere from nearSlot() on.
std::optional<protocol::Slot> rangeNear(const cluster::Topology& topology, std::uint64_t place);
protocol::Slot nearSlot(std::uint64_t place) noexcept;

}  // namespace slotless::routing
