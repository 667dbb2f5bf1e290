#include "proxy/cluster/slot_losses.h"

#include <algorithm>
#include <vector>

namespace slotless::cluster {

namespace {

// As many nodes as a cluster can reasonably have: more only where nodes get new addresses all the time.
constexpr std::size_t kMost = 1024;

std::vector<bool> ownersIn(const Topology& topology) {
  std::vector<bool> owns(topology.nodes.size());
  for (const NodeIndex owner : topology.owners) {
    if (owner != kNoNode) owns[owner] = true;
  }
  return owns;
}

}  // namespace

void SlotLosses::note(const Topology& before, const Topology& after) {
  const std::vector<bool> owned = ownersIn(before);
  const std::vector<bool> owns = ownersIn(after);
  for (std::size_t i = 0; i < before.nodes.size(); ++i) {
    if (!owned[i]) continue;
    const auto now = after.find(before.nodes[i].address);
    if (!now || !owns[*now]) lastLoss_[before.nodes[i].address] = after.version;
  }
  while (lastLoss_.size() > kMost) {
    lastLoss_.erase(std::min_element(lastLoss_.begin(), lastLoss_.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
}

bool SlotLosses::lostAfter(std::uint64_t version, const net::Address& node) const {
  const auto loss = lastLoss_.find(node);
  return loss != lastLoss_.end() && loss->second > version;
}

}  // namespace slotless::cluster
