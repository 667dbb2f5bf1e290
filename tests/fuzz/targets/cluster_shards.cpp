// What a node says to CLUSTER SHARDS.
#include "node_replies.h"
#include "proxy/discovery/topology_listing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotless;
  const auto reply = fuzz::readReply(fuzz::textOf(data, size));
  if (reply == nullptr) return 0;
  const auto listed = discovery::parseShards(*reply, "10.0.0.1");
  for (const discovery::ListedNode& node : listed) {
    for (const discovery::SlotRange& range : node.slots)
      fuzz::require(range.first <= range.last && range.last < 16384, "slots are in range");
  }
  discovery::topologyOf(listed);
  return 0;
}
