#include "proxy/upstream/replaced_masters.h"

#include <algorithm>

namespace slotless::upstream {

namespace {

using cluster::NodeIndex;
using cluster::Topology;

constexpr std::size_t kMostKnown = 16;

bool follows(const Topology& topology, NodeIndex master, const net::Address& replica) {
  const auto is = [&](NodeIndex each) { return topology.nodes[each].address == replica; };
  const cluster::Node& node = topology.nodes[master];
  return std::any_of(node.replicas.begin(), node.replicas.end(), is) ||
         std::any_of(node.joining.begin(), node.joining.end(), is);
}

// Those that had slots before, of which the first one is their replica's now.
std::vector<net::Address> replacedBetween(const Topology& before, const Topology& now) {
  std::vector<net::Address> replaced;
  std::vector<bool> seen(before.nodes.size());
  for (std::size_t slot = 0; slot < before.owners.size(); ++slot) {
    const NodeIndex owner = before.owners[slot];
    const NodeIndex successor = now.owners[slot];
    if (owner == cluster::kNoNode || seen[owner] || successor == cluster::kNoNode) continue;
    seen[owner] = true;
    if (follows(before, owner, now.nodes[successor].address))
      replaced.push_back(before.nodes[owner].address);
  }
  return replaced;
}

}  // namespace

void ReplacedMasters::follow(const Topology& before, const Topology& now) {
  for (net::Address& master : replacedBetween(before, now)) {
    std::erase(known_, master);
    known_.push_back(std::move(master));
  }
  // It knows now, or is the master again.
  std::erase_if(known_, [&](const net::Address& each) {
    const auto node = now.find(each);
    return node && (!now.nodes[*node].master || now.ownsSlots(each));
  });
  if (known_.size() > kMostKnown)
    known_.erase(known_.begin(), known_.end() - static_cast<std::ptrdiff_t>(kMostKnown));
  listed_.clear();
  for (const net::Address& each : known_) {
    const auto node = now.find(each);
    if (!node) continue;
    listed_.resize(now.nodes.size());
    listed_[*node] = true;
  }
}

}  // namespace slotless::upstream
