#include "proxy/cluster/topology.h"

#include <algorithm>
#include <numeric>

namespace slotless::cluster {

std::optional<NodeIndex> Topology::find(const net::Address& address) const {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].address == address) return static_cast<NodeIndex>(i);
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto& aliases = nodes[i].aliases;
    if (std::find(aliases.begin(), aliases.end(), address) != aliases.end()) return static_cast<NodeIndex>(i);
  }
  return std::nullopt;
}

bool Topology::isMaster(const net::Address& address) const {
  const auto node = find(address);
  return node && nodes[*node].master;
}

bool Topology::ownsSlots(const net::Address& address) const {
  const auto node = find(address);
  return node && std::find(owners.begin(), owners.end(), *node) != owners.end();
}

std::size_t Topology::slotsCovered() const {
  return static_cast<std::size_t>(
      std::count_if(owners.begin(), owners.end(), [](NodeIndex owner) { return owner != kNoNode; }));
}

std::size_t Topology::fewestReplicas() const {
  std::optional<std::size_t> fewest;
  std::vector<bool> owns(nodes.size());
  for (const NodeIndex owner : owners) {
    if (owner != kNoNode) owns[owner] = true;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (owns[i]) fewest = std::min(fewest.value_or(nodes[i].replicas.size()), nodes[i].replicas.size());
  }
  return fewest.value_or(0);
}

void Topology::sortNodes() {
  const auto byAddress = [](const Node& a, const Node& b) { return a.address < b.address; };
  if (std::is_sorted(nodes.begin(), nodes.end(), byAddress)) {
    for (Node& node : nodes) {
      std::sort(node.replicas.begin(), node.replicas.end());
      std::sort(node.joining.begin(), node.joining.end());
    }
    return;
  }
  std::vector<NodeIndex> order(nodes.size());
  std::iota(order.begin(), order.end(), NodeIndex{0});
  std::sort(order.begin(), order.end(),
            [&](NodeIndex a, NodeIndex b) { return byAddress(nodes[a], nodes[b]); });
  std::vector<NodeIndex> newIndex(nodes.size());
  std::vector<Node> sorted;
  sorted.reserve(nodes.size());
  for (const NodeIndex old : order) {
    newIndex[old] = static_cast<NodeIndex>(sorted.size());
    sorted.push_back(std::move(nodes[old]));
  }
  for (Node& node : sorted) {
    for (std::vector<NodeIndex>* replicas : {&node.replicas, &node.joining}) {
      for (NodeIndex& replica : *replicas) replica = newIndex[replica];
      std::sort(replicas->begin(), replicas->end());
    }
  }
  for (NodeIndex& owner : owners) owner = owner == kNoNode ? kNoNode : newIndex[owner];
  nodes = std::move(sorted);
}

bool Topology::sameLayout(const Topology& other) const {
  const auto sameNode = [](const Node& a, const Node& b) {
    return a.address == b.address && a.master == b.master && a.replicas == b.replicas &&
           a.joining == b.joining && a.id == b.id && a.aliases == b.aliases;
  };
  return owners == other.owners && serverVersion == other.serverVersion &&
         std::equal(nodes.begin(), nodes.end(), other.nodes.begin(), other.nodes.end(), sameNode);
}

}  // namespace slotless::cluster
