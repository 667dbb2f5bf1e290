#include "proxy/routing/scan_walk.h"

namespace slotless::routing {

using protocol::Slot;
using Side = ScanCursor::Side;

namespace {

// FNV-1a, of which the low bits are used.
class Hash {
 public:
  Hash& add(std::string_view bytes) {
    for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * 16777619U;
    return add(bytes.size());
  }
  Hash& add(std::uint64_t number) {
    for (unsigned i = 0; i < 8; ++i)
      value_ = (value_ ^ static_cast<std::uint8_t>(number >> (8 * i))) * 16777619U;
    return *this;
  }
  std::uint32_t value() const { return value_ ^ value_ >> 16; }

 private:
  std::uint32_t value_ = 2166136261U;
};

std::uint32_t checkOfTarget(std::string_view id) {
  return Hash().add(id).value();
}

std::uint32_t checkOfRange(const NodeView& view, Slot slot) {
  Hash hash;
  hash.add(view.id).add(view.epoch).add(view.rangeEnd(slot));
  const auto target = view.migrating.find(slot);
  if (target != view.migrating.end()) hash.add(target->second);
  return hash.value();
}

// Does a check taken from a cursor (shortened) belong to the whole one?
bool fits(const ScanCursor& cursor, std::uint32_t whole) {
  return shortenedCheck(whole, cursor.nodeCursor) == shortenedCheck(cursor.check, cursor.nodeCursor);
}

std::optional<Slot> nextServedSlot(const cluster::Topology& topology, std::uint32_t slot) {
  for (; slot < protocol::kSlotCount; ++slot) {
    if (topology.owners[slot] != cluster::kNoNode) return static_cast<Slot>(slot);
  }
  return std::nullopt;
}

// nullopt: the target has left.
std::optional<cluster::NodeIndex> scanTarget(const ScanCursor& cursor, const cluster::Topology& topology) {
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const cluster::Node& node = topology.nodes[i];
    if (node.master && fits(cursor, checkOfTarget(node.id))) return static_cast<cluster::NodeIndex>(i);
  }
  return std::nullopt;
}

ScanStep startOver(const ScanPage& page, bool stale) {
  ScanStep step;
  step.next = ScanCursor{Side::Owner, page.asked.slot, 0, 0};
  step.stale = stale;
  return step;
}

void advance(ScanStep& step, const cluster::Topology& topology, std::uint32_t slot) {
  const auto next = nextServedSlot(topology, slot);
  step.next.reset();
  if (next) step.next = ScanCursor{Side::Owner, *next, 0, 0};
}

ScanStep stepAtOwner(const ScanPage& page, const cluster::Topology& topology) {
  const ScanCursor& asked = page.asked;
  const NodeView& view = *page.after;
  if (!view.owns(asked.slot)) return startOver(page, true);
  const std::uint32_t check = checkOfRange(view, asked.slot);
  if (asked.nodeCursor == 0) {
    const bool same =
        page.before && page.before->owns(asked.slot) && checkOfRange(*page.before, asked.slot) == check;
    if (!same) return startOver(page, false);
  } else if (!fits(asked, check)) {
    return startOver(page, false);
  }
  ScanStep step;
  step.keysFrom = asked.slot;
  step.keysTo = view.rangeEnd(asked.slot);
  const auto target = view.migrating.find(asked.slot);
  if (page.nodeCursor != 0) {
    step.next = ScanCursor{Side::Owner, asked.slot, check, page.nodeCursor};
  } else if (target != view.migrating.end()) {
    step.next = ScanCursor{Side::Target, asked.slot, checkOfTarget(target->second), 0};
  } else {
    advance(step, topology, step.keysTo);
  }
  return step;
}

ScanStep stepAtTarget(const ScanPage& page, const cluster::Topology& topology) {
  const ScanCursor& asked = page.asked;
  const NodeView& view = *page.after;
  const bool hasKeys = view.owns(asked.slot) || view.importing.contains(asked.slot);
  if (!hasKeys || !fits(asked, checkOfTarget(view.id))) return startOver(page, false);
  ScanStep step;
  step.keysFrom = asked.slot;
  step.keysTo = asked.slot + 1U;
  if (page.nodeCursor != 0) {
    step.next = ScanCursor{Side::Target, asked.slot, checkOfTarget(view.id), page.nodeCursor};
  } else {
    advance(step, topology, step.keysTo);
  }
  return step;
}

}  // namespace

ScanStep nextScanStep(const ScanPage& page, const cluster::Topology& topology) {
  if (!page.after) return startOver(page, true);
  return page.asked.side == Side::Owner ? stepAtOwner(page, topology) : stepAtTarget(page, topology);
}

ScanQuestion scanQuestion(ScanCursor cursor, const cluster::Topology& topology) {
  if (cursor.side == Side::Target) {
    if (const auto target = scanTarget(cursor, topology)) return {cursor, target};
    cursor = {Side::Owner, cursor.slot, 0, 0};
  }
  auto served = nextServedSlot(topology, cursor.slot);
  if (!served)
    served = nextServedSlot(topology, 0);  // no cursor of ours, or the last slots have been given up
  if (served && *served != cursor.slot) cursor = {Side::Owner, *served, 0, 0};
  return {cursor, std::nullopt};
}

}  // namespace slotless::routing
