#include "proxy/routing/scan_walk.h"

#include "proxy/routing/check_hash.h"
#include "proxy/routing/scan_nodes.h"
#include "proxy/routing/scan_places.h"

namespace slotless::routing {

using protocol::Slot;
using Stage = ScanCursor::Stage;

namespace {

std::uint32_t checkOfTarget(std::string_view id) {
  return CheckHash().add(id).value();
}

std::uint32_t checkOfRange(const NodeView& view, Slot slot) {
  CheckHash hash;
  hash.add(view.id).add(view.epoch).add(slot).add(view.rangeEnd(slot));
  const auto target = view.migrating.find(slot);
  if (target != view.migrating.end()) hash.add(target->second);
  return hash.value();
}

// nullopt: the target has left.
std::optional<cluster::NodeIndex> scanTarget(const ScanCursor& cursor, const cluster::Topology& topology) {
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const cluster::Node& node = topology.nodes[i];
    if (node.master && fits(cursor, checkOfTarget(node.id))) return static_cast<cluster::NodeIndex>(i);
  }
  return std::nullopt;
}

void keep(ScanStep& step, std::uint32_t from, std::uint32_t to) {
  for (; from < to; ++from) step.slots.set(from);
}

ScanStep startOver(const ScanPage& page, bool stale) {
  ScanStep step;
  step.next = ScanCursor{Stage::Owner, page.slot, 0, 0};
  step.stale = stale;
  return step;
}

void advance(ScanStep& step, const cluster::Topology& topology, std::uint32_t slot) {
  step.next.reset();
  const auto next = nextServedSlot(topology, slot);
  if (!next) return;
  // Node by node it takes another beginning, which is the cheaper way only where there are very many ranges.
  const ScanPlaces places = placesIn(topology);
  step.next = places.ranges > 4 * kMostRangesPerNode * places.firstSlots.size()
                  ? scanBeginning(topology)
                  : ScanCursor{Stage::Owner, *next, 0, 0};
}

ScanStep stepAtOwner(const ScanPage& page, const cluster::Topology& topology) {
  const ScanCursor& asked = page.asked;
  const NodeView& view = *page.after;
  if (!view.owns(page.slot)) return startOver(page, true);
  const std::uint32_t check = checkOfRange(view, page.slot);
  if (asked.nodeCursor == 0) {
    const bool same =
        page.before && page.before->owns(page.slot) && checkOfRange(*page.before, page.slot) == check;
    if (!same) return startOver(page, false);
  } else if (!fits(asked, check)) {
    return startOver(page, false);
  }
  ScanStep step;
  const std::uint32_t end = view.rangeEnd(page.slot);
  keep(step, page.slot, end);
  const auto target = view.migrating.find(page.slot);
  if (page.nodeCursor != 0) {
    step.next = ScanCursor{Stage::Owner, page.slot, check, page.nodeCursor};
  } else if (target != view.migrating.end()) {
    step.next = ScanCursor{Stage::Target, page.slot, checkOfTarget(target->second), 0};
  } else {
    advance(step, topology, end);
  }
  return step;
}

ScanStep stepAtTarget(const ScanPage& page, const cluster::Topology& topology) {
  const NodeView& view = *page.after;
  const bool hasKeys = view.owns(page.slot) || view.importing.contains(page.slot);
  if (!hasKeys || !fits(page.asked, checkOfTarget(view.id))) return startOver(page, false);
  ScanStep step;
  step.slots.set(page.slot);
  if (page.nodeCursor != 0) {
    step.next = ScanCursor{Stage::Target, page.slot, checkOfTarget(view.id), page.nodeCursor};
  } else {
    advance(step, topology, page.slot + 1U);
  }
  return step;
}

ScanQuestion askOwner(ScanCursor cursor, const cluster::Topology& topology) {
  Slot slot = cursor.slot();
  if (cursor.stage == Stage::Near) {
    if (const auto begin = rangeNear(topology, cursor.place)) return {cursor, *begin, std::nullopt};
    slot = nearSlot(cursor.place);
    cursor = {Stage::Owner, slot, 0, 0};
  }
  auto served = nextServedSlot(topology, slot);
  if (!served)
    served = nextServedSlot(topology, 0);  // no cursor of ours, or the last slots have been given up
  if (served && *served != slot) cursor = {Stage::Owner, *served, 0, 0};
  return {cursor, cursor.slot(), std::nullopt};
}

bool byNode(Stage stage) {
  return stage == Stage::Node || stage == Stage::Moving || stage == Stage::Arrival;
}

}  // namespace

ScanStep nextScanStep(const ScanPage& page, const cluster::Topology& topology) {
  if (byNode(page.asked.stage)) return stepByNode(page, topology);
  if (!page.after) return startOver(page, true);
  return page.asked.stage == Stage::Target ? stepAtTarget(page, topology) : stepAtOwner(page, topology);
}

ScanQuestion scanQuestion(ScanCursor cursor, const cluster::Topology& topology) {
  if (byNode(cursor.stage)) {
    if (const auto question = questionByNode(cursor, topology)) return *question;
    cursor = {Stage::Owner, 0, 0, 0};
  }
  if (cursor.stage == Stage::Target) {
    if (const auto target = scanTarget(cursor, topology)) return {cursor, cursor.slot(), target};
    cursor = {Stage::Owner, cursor.place, 0, 0};
  }
  return askOwner(cursor, topology);
}

std::optional<std::uint64_t> scanNumber(const ScanCursor& cursor, const cluster::Topology& topology) {
  if (const auto number = encodeScanCursor(cursor)) return number;
  if (cursor.stage != Stage::Owner) return std::nullopt;
  const auto place = placeNear(topology, cursor.slot());
  if (!place) return std::nullopt;
  return encodeScanCursor({Stage::Near, *place, cursor.check, cursor.nodeCursor});
}

}  // namespace slotless::routing
