// What a node says to CLUSTER SLOTS and, behind a zero byte, to CLUSTER NODES; twice, as by two nodes.
#include "node_replies.h"
#include "proxy/discovery/topology_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotless;
  const auto parts = fuzz::split(fuzz::textOf(data, size), '\0');
  const auto reply = fuzz::readReply(parts.front());
  if (reply == nullptr) return 0;
  const auto listed = discovery::parseNodes(parts.size() > 1 ? parts[1] : std::string_view{}, "10.0.0.1");
  const auto topology = discovery::parseSlots(*reply, "10.0.0.1", listed);
  if (!topology) return 0;
  auto again = discovery::parseSlots(*reply, "10.0.0.2", {});
  if (!again) fuzz::fail("whoever answers, the reply is read alike");
  discovery::keepKnownAddresses(*topology, *again);
  discovery::keepHigherEpochs(*topology, listed, *again);
  return 0;
}
