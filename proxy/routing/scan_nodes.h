// SCAN node by node, where the slots lie in many ranges: see scan_walk.h. Pure.
#pragma once
#include <optional>

#include "proxy/routing/scan_walk.h"

namespace slotless::routing {

// For the stages Node, Moving and Arrival.
ScanStep stepByNode(const ScanPage& page, const cluster::Topology& topology);
// nullopt: the topology has no such node (any more).
std::optional<ScanQuestion> questionByNode(const ScanCursor& cursor, const cluster::Topology& topology);

}  // namespace slotless::routing
