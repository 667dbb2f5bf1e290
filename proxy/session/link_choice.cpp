#include "proxy/session/link_choice.h"

#include "proxy/session/client.h"
#include "proxy/session/leg_sender.h"
#include "proxy/session/services.h"

namespace slotless::session {

using upstream::Link;

bool readsFromReplica(const Leg& leg) {
  const Request& request = *leg.request;
  Client& client = *request.client;
  if (client.readFrom == config::ReadFrom::Master || request.kind != RequestKind::Read) return false;
  if (client.conversation().engaged()) return false;  // a master remembers what is read of it
  const bool transaction = request.spec->role == protocol::SessionRole::Exec;
  if (request.lease || transaction || client.conversation().watch().on() || leg.slot == protocol::kNoSlot)
    return false;
  return client.readFrom == config::ReadFrom::Replica || leg.detour == nullptr || leg.detour->attempts == 0;
}

// The client's link to a node: its lease there, or the shared one. nullptr: none that could take a request
// now.
Link* LinkChoice::linkToNode(Leg& leg, cluster::NodeIndex node) {
  Client& client = *leg.request->client;
  Conversation& conversation = client.conversation();
  const net::Address& address = services_.links.topology().nodes[node].address;
  Link* link = nullptr;
  const bool urgent = leg.detour != nullptr && leg.detour->urgent;
  // What is meant for one certain replica reads no keys.
  const bool forReplica =
      leg.detour != nullptr && leg.detour->sticky && !services_.links.topology().nodes[node].master;
  if (leg.request->lease) {
    if (conversation.dropLostLease(address, *leg.request->lease) && leg.detour != nullptr) {
      leg.detour->notBefore = services_.host.now + LegSender::kRetryPause;
      return nullptr;
    }
    // The shared link tries for all whether the node is there: a lease is for a node that answers.
    if (!conversation.holdsLease(*leg.request->lease) && !services_.links.linkTo(node).ready())
      return nullptr;
    link = conversation.leaseAt(address, *leg.request->lease);
  } else if (conversation.engaged() && !urgent && !forReplica) {
    link = conversation.tracking()->linkTo(address);
  } else {
    if (conversation.watch().on()) link = conversation.watch().heldAt(address);
    if (link == nullptr) link = urgent ? &client.links().urgentLinkTo(node) : &client.links().linkTo(node);
  }
  if (link == nullptr || !link->ready() || link->bytesOpen() >= services_.config.linkMaxInFlightBytes)
    return nullptr;
  return link;
}

// A client stays on one replica of a master, as long as that is there.
Link* LinkChoice::replicaLink(Leg& leg, cluster::NodeIndex master) {
  const Client& client = *leg.request->client;
  const auto& replicas = services_.links.topology().nodes[master].replicas;
  upstream::LinkPool& pool = services_.replicaLinksFor(client.protocol);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    Link& link = pool.linkTo(replicas[(client.id() + i) % replicas.size()]);
    if (link.ready() && link.bytesOpen() < services_.config.linkMaxInFlightBytes) return &link;
  }
  return nullptr;
}

Link* LinkChoice::linkForSlot(Leg& leg) {
  const cluster::Topology& topology = services_.links.topology();
  if (leg.slot != protocol::kNoSlot) {
    const cluster::NodeIndex owner = topology.owners[leg.slot];
    if (owner == cluster::kNoNode) return nullptr;
    if (!readsFromReplica(leg)) return linkToNode(leg, owner);
    if (Link* link = replicaLink(leg, owner)) return link;
    return leg.request->client->readFrom == config::ReadFrom::Replica ? nullptr : linkToNode(leg, owner);
  }
  Client& client = *leg.request->client;
  if (leg.request->lease) {  // a batch without keys on the watch's lease
    Link* lease = client.conversation().watch().lease();
    return lease != nullptr && lease->ready() ? lease : nullptr;
  }
  if (client.conversation().engaged()) return client.conversation().tracking()->anyLink();
  return client.links().anyReady();
}

Link* LinkChoice::targetOf(Leg& leg) {
  Detour& detour = *leg.detour;
  const cluster::Topology& topology = services_.links.topology();
  if (services_.host.now < detour.notBefore) return nullptr;
  if (detour.target && !detour.sticky && topology.version != detour.targetVersion && !detour.awaitsTarget) {
    detour.target.reset();  // the topology knows better by now
    detour.asking = false;
  }
  if (!detour.target) return linkForSlot(leg);
  const auto node = topology.find(*detour.target);
  if (detour.anchor != protocol::kNoSlot && (!node || !topology.nodes[*node].master)) {
    // Another node has taken the master's place.
    const cluster::NodeIndex owner = topology.owners[detour.anchor];
    return owner == cluster::kNoNode ? nullptr : linkToNode(leg, owner);
  }
  if (node) return linkToNode(leg, *node);
  if (!detour.awaitsTarget || topology.version == detour.targetVersion) return nullptr;
  detour.target.reset();  // looked up anew, and still unknown: back to the slot's owner
  detour.asking = false;
  detour.awaitsTarget = false;
  return linkForSlot(leg);
}

Link* LinkChoice::sharedLinkOf(const Leg& leg) const {
  if (leg.request->lease || leg.request->client->conversation().engaged()) return nullptr;
  const cluster::Topology& topology = services_.links.topology();
  cluster::NodeIndex node = leg.slot == protocol::kNoSlot ? cluster::kNoNode : topology.owners[leg.slot];
  if (leg.detour != nullptr && leg.detour->target)
    node = topology.find(*leg.detour->target).value_or(cluster::kNoNode);
  if (node == cluster::kNoNode || !topology.nodes[node].master) return nullptr;
  return &services_.linksFor(leg.request->client->protocol).linkTo(node);
}

Obstacle LinkChoice::obstacleTo(const Leg& leg) const {
  Conversation& conversation = leg.request->client->conversation();
  if (leg.request->lease || conversation.engaged()) {
    const cluster::Topology& topology = services_.links.topology();
    if (leg.slot == protocol::kNoSlot || topology.owners[leg.slot] == cluster::kNoNode)
      return Obstacle::NoNode;
    if (conversation.engaged())
      return conversation.tracking()->hasRoom() ? Obstacle::NoNode : Obstacle::LeaseLimit;
    const bool spent =
        !conversation.holdsLease(*leg.request->lease) && !services_.leases.hasRoom(*leg.request->lease);
    return spent ? Obstacle::LeaseLimit : Obstacle::NoNode;
  }
  const Link* link = sharedLinkOf(leg);
  if (link == nullptr || !link->up()) return Obstacle::NoNode;
  if (link->bytesOpen() >= services_.config.linkMaxInFlightBytes) return Obstacle::LinkFull;
  return link->ready() ? Obstacle::NoNode : Obstacle::NodeSilent;
}

}  // namespace slotless::session
