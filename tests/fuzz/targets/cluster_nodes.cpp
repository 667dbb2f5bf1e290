// What a node says to CLUSTER NODES.
#include "proxy/discovery/topology_listing.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotless;
  const auto listed = discovery::parseNodes(fuzz::textOf(data, size), "10.0.0.1");
  for (const discovery::ListedNode& node : listed) {
    for (const discovery::SlotRange& range : node.slots)
      fuzz::require(range.first <= range.last && range.last < 16384, "slots are in range");
  }
  if (auto topology = discovery::topologyOf(listed))
    discovery::keepHigherEpochs(*topology, listed, *topology);
  return 0;
}
