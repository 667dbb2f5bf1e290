#include "proxy/dispatch/giving_way.h"

#include <algorithm>
#include <vector>

#include "proxy/dispatch/holding.h"

namespace slotless::session {

namespace {

using NodeList = std::vector<cluster::NodeIndex>;

bool anyOccupied(upstream::LinkPool& pool, const NodeList& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [&](auto node) { return pool.linkTo(node).occupied(); });
}

// They carry requests, or will in a moment.
bool allServe(upstream::LinkPool& pool, const NodeList& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [&](cluster::NodeIndex node) {
    const upstream::Link& link = pool.linkTo(node);
    return (link.ready() || link.beginning()) && !link.occupied();
  });
}

NodeList nodesOf(const routing::Plan& plan, const cluster::Topology& topology) {
  using Kind = routing::Plan::Kind;
  NodeList nodes;
  const auto add = [&](protocol::Slot slot) {
    if (slot == protocol::kNoSlot) return;
    const cluster::NodeIndex owner = topology.owners[slot];
    if (owner != cluster::kNoNode) nodes.push_back(owner);
  };
  if (plan.kind == Kind::OneSlot) {
    add(plan.slot);
  } else if (plan.kind == Kind::EachNode) {
    for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
      if (topology.nodes[i].master) nodes.push_back(static_cast<cluster::NodeIndex>(i));
    }
  } else if (plan.node) {
    const auto node = topology.find(*plan.node);
    if (node && topology.nodes[*node].master) nodes.push_back(*node);
  } else {
    for (std::size_t i = 0; i < plan.partCount; ++i) add(plan.parts[i].slot);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

void giveWayAt(const Context& context, Downstream& client, const NodeList& nodes) {
  // Where nothing may be held nothing can wait for a connection either.
  if (context.holding.off() || !anyOccupied(client.links(), nodes)) return;
  if (allServe(client.upstream->shared(client.protocol, !client.bulk), nodes)) client.bulk = !client.bulk;
}

}  // namespace

void giveWay(const Context& context, Downstream& client, protocol::Slot slot) {
  const cluster::NodeIndex owner =
      slot == protocol::kNoSlot ? cluster::kNoNode : context.links.topology().owners[slot];
  if (owner != cluster::kNoNode) giveWayAt(context, client, {owner});
}

void giveWay(const Context& context, Downstream& client, const routing::Plan& plan) {
  giveWayAt(context, client, nodesOf(plan, context.links.topology()));
}

}  // namespace slotless::session
