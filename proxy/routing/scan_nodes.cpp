#include "proxy/routing/scan_nodes.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "proxy/routing/check_hash.h"
#include "proxy/routing/scan_places.h"

namespace slotless::routing {

using protocol::Slot;
using Stage = ScanCursor::Stage;

namespace {

std::vector<cluster::NodeIndex> mastersById(const cluster::Topology& topology) {
  std::vector<cluster::NodeIndex> masters;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    if (topology.nodes[i].master) masters.push_back(static_cast<cluster::NodeIndex>(i));
  }
  std::sort(masters.begin(), masters.end(),
            [&](auto a, auto b) { return topology.nodes[a].id < topology.nodes[b].id; });
  return masters;
}

// How the slots are shared out must not have changed; nor, in the middle of its table, the node; nor, once
// slots have been seen on their way, who may have them.
std::uint32_t checkOf(const ScanCursor& cursor, const NodeView& view, const cluster::Topology& topology) {
  CheckHash hash;
  hash.add(view.sharing);
  if (cursor.nodeCursor != 0) hash.add(view.id).add(view.epoch);
  if (cursor.stage != Stage::Node) {
    for (const auto master : mastersById(topology)) hash.add(topology.nodes[master].id);
  }
  return hash.value();
}

ScanStep startOver(const cluster::Topology& topology, bool stale) {
  ScanStep step;
  step.next = scanBeginning(topology);
  step.stale = stale;
  return step;
}

bool beginsAll(const ScanCursor& cursor) {
  return cursor.stage != Stage::Arrival && cursor.place == 0 && cursor.nodeCursor == 0;
}

bool knowsTargets(const NodeView& view, const cluster::Topology& topology) {
  return std::all_of(view.migrating.begin(), view.migrating.end(), [&](const auto& each) {
    return std::any_of(topology.nodes.begin(), topology.nodes.end(),
                       [&](const cluster::Node& node) { return node.master && node.id == each.second; });
  });
}

void goTo(ScanStep& step, ScanCursor next, const NodeView& view, const cluster::Topology& topology) {
  next.check = checkOf(next, view, topology);
  step.next = next;
}

// The node at hand is done.
void goOn(ScanStep& step, const ScanCursor& asked, const NodeView& view, const cluster::Topology& topology) {
  const std::uint64_t done = asked.place + 1;
  if (asked.stage == Stage::Arrival) {
    if (done < mastersById(topology).size()) goTo(step, {Stage::Arrival, done, 0, 0}, view, topology);
    return;
  }
  const Stage stage = view.migrating.empty() ? asked.stage : Stage::Moving;
  if (done < view.places) {
    goTo(step, {stage, done, 0, 0}, view, topology);
  } else if (stage == Stage::Moving) {
    goTo(step, {Stage::Arrival, 0, 0, 0}, view, topology);
  }
}

}  // namespace

ScanStep stepByNode(const ScanPage& page, const cluster::Topology& topology) {
  if (!page.after) return startOver(topology, true);
  const ScanCursor& asked = page.asked;
  const NodeView& view = *page.after;
  const bool arrival = asked.stage == Stage::Arrival;
  if (!arrival && view.place != asked.place) return startOver(topology, true);
  if (!beginsAll(asked) && !fits(asked, checkOf(asked, view, topology))) return startOver(topology, false);
  if (asked.nodeCursor == 0) {
    const bool same = page.before && page.before->id == view.id && page.before->epoch == view.epoch &&
                      page.before->sharing == view.sharing;
    if (!same) return startOver(topology, false);
  }
  if (!knowsTargets(view, topology)) return startOver(topology, true);
  ScanStep step;
  if (arrival) {
    for (const auto& [slot, source] : view.importing) step.slots.set(slot);
  } else {
    for (const NodeView::Range& range : view.ranges) {
      for (std::uint32_t slot = range.first; slot <= range.last; ++slot) step.slots.set(slot);
    }
  }
  if (page.nodeCursor == 0) {
    goOn(step, asked, view, topology);
  } else {
    goTo(step, {asked.stage, asked.place, 0, page.nodeCursor}, view, topology);
  }
  return step;
}

std::optional<ScanQuestion> questionByNode(const ScanCursor& cursor, const cluster::Topology& topology) {
  if (cursor.stage == Stage::Arrival) {
    const auto masters = mastersById(topology);
    if (cursor.place >= masters.size()) return std::nullopt;
    return ScanQuestion{cursor, 0, masters[cursor.place]};
  }
  const ScanPlaces places = placesIn(topology);
  if (cursor.place >= places.firstSlots.size()) return std::nullopt;
  return ScanQuestion{cursor, places.firstSlots[cursor.place], std::nullopt};
}

}  // namespace slotless::routing
