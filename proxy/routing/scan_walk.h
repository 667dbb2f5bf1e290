// Where SCAN goes next: the rule that a full iteration returns every key that was there throughout, also
// while slots move. Pure.
//
// Where the slots lie in few ranges, they are gone through in ascending order, one range at a time that
// wholly belongs to one node. The node's whole hash table is scanned for it (keys of other slots are left
// out: their own turn comes or has been), and the range counts as done only if the node says the same of it
// at the end as at the beginning: its own id, its configuration epoch (which grows when it gains a slot or is
// promoted) and how far the range goes before a slot that is another's or is being migrated. These are the
// check that the cursor carries. Otherwise the range starts over: keys are returned twice, never left out. A
// slot that is being migrated is a range by itself: its owner, then its target.
//
// Where they lie in many (interleaved slots), that would scan each node once per range. There the nodes are
// gone through one after the other, each for all its slots, and the check is about how the slots are shared
// out: when one changes hands the iteration starts over. If slots have been seen on their way, all masters
// are asked at the end for keys that have arrived.
#pragma once
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/cluster/topology.h"
#include "proxy/routing/node_view.h"
#include "proxy/routing/scan_cursor.h"

namespace slotless::routing {

// One page that a node has given.
struct ScanPage {
  ScanCursor asked;              // the client's cursor …
  protocol::Slot slot = 0;       // … and what scanQuestion() said of it
  std::uint64_t nodeCursor = 0;  // the node's next one
  // What the node said of itself after the page; before it only at the beginning of a range or node.
  std::optional<NodeView> before;
  std::optional<NodeView> after;
};

struct ScanStep {
  std::optional<ScanCursor> next;           // nullopt: the iteration has ended
  std::bitset<protocol::kSlotCount> slots;  // whose keys count; none if something starts over
  bool stale = false;                       // the topology does not fit to what the node says: look it up
};

ScanStep nextScanStep(const ScanPage& page, const cluster::Topology& topology);

// What is to be asked for a client's cursor. Slots that nobody serves are passed over: they have no keys.
struct ScanQuestion {
  ScanCursor cursor;                       // as the client's, or where something starts over
  protocol::Slot slot = 0;                 // its owner is asked …
  std::optional<cluster::NodeIndex> node;  // … or this one
};
ScanQuestion scanQuestion(ScanCursor cursor, const cluster::Topology& topology);

// The number for the client; nullopt: a note has to be left.
std::optional<std::uint64_t> scanNumber(const ScanCursor& cursor, const cluster::Topology& topology);

}  // namespace slotless::routing
