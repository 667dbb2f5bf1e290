#include "proxy/dispatch/asked_nodes.h"

namespace slotless::session {

std::vector<net::Address> askedNodes(const upstream::LinkPool& links, const routing::Plan& plan) {
  const cluster::Topology& topology = links.topology();
  std::vector<net::Address> asked;
  if (plan.merge == routing::Merge::FirstNonNull) return asked;  // these begin anywhere
  if (plan.kind == routing::Plan::Kind::EachNode) {
    for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
      const bool isMaster = topology.nodes[i].master && !links.isReplaced(static_cast<cluster::NodeIndex>(i));
      if (isMaster || plan.replicas) asked.push_back(topology.nodes[i].address);
    }
    return asked;
  }
  for (std::size_t i = 0; i < plan.partCount; ++i) {
    const protocol::Slot slot = plan.parts[i].slot;
    const cluster::NodeIndex owner = slot == protocol::kNoSlot ? cluster::kNoNode : topology.owners[slot];
    asked.push_back(plan.node                   ? *plan.node
                    : owner == cluster::kNoNode ? net::Address{}
                                                : topology.nodes[owner].address);
  }
  return asked;
}

}  // namespace slotless::session
