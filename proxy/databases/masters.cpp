#include "proxy/databases/masters.h"

#include <vector>

#include "protocol/slot.h"

namespace slotless::databases {

Masters mastersOf(const cluster::Topology& topology) {
  Masters masters;
  masters.version = topology.version;
  std::vector<bool> seen(topology.nodes.size());
  for (std::size_t slot = 0; slot < topology.owners.size(); ++slot) {
    const cluster::NodeIndex owner = topology.owners[slot];
    if (owner == cluster::kNoNode || seen[owner]) continue;
    seen[owner] = true;
    masters.slots.push_back(static_cast<protocol::Slot>(slot));
  }
  return masters;
}

}  // namespace slotless::databases
