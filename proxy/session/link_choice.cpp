#include "proxy/session/link_choice.h"

#include "proxy/session/client.h"
#include "proxy/session/large_replies.h"
#include "proxy/session/leg_sender.h"
#include "proxy/session/services.h"

namespace slotless::session {

using upstream::Link;

namespace {
// How often clients are looked through for who keeps connections from others.
constexpr net::Millis kLookPause{500};
}  // namespace

bool readsFromReplica(const Leg& leg) {
  const Request& request = *leg.request;
  Client& client = *request.client;
  if (client.readFrom == config::ReadFrom::Master || request.kind != RequestKind::Read) return false;
  if (client.conversation().engaged()) return false;  // a master remembers what is read of it
  // What is said of all keys is put together from what masters say.
  if (request.spec->wholeDatabase != protocol::WholeDatabase::None) return false;
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
  if (leg.detour == nullptr && !leg.request->lease && conversation.plain())
    return takes(client.links().linkTo(node));
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
  } else if (conversation.engaged() && !urgent && !forReplica && !leg.request->besideWatch) {
    link = conversation.tracking()->linkTo(address);
  } else {
    if (conversation.watch().on() && !leg.request->besideWatch) link = conversation.watch().heldAt(address);
    const bool alone = leg.detour != nullptr && leg.detour->alone && !urgent && !forReplica;
    if (link == nullptr && alone) return loneLink(leg, node);
    if (link == nullptr) link = urgent ? &client.links().urgentLinkTo(node) : &client.links().linkTo(node);
  }
  return link == nullptr ? nullptr : takes(*link);
}

Link* LinkChoice::takes(Link& link) const noexcept {
  return link.ready() && link.bytesOpen() < services_.config.linkMaxInFlightBytes ? &link : nullptr;
}

// A connection for this leg alone. The shared link tries for all whether the node is there.
Link* LinkChoice::loneLink(Leg& leg, cluster::NodeIndex node) {
  const Client& client = *leg.request->client;
  const net::Address& address = services_.links.topology().nodes[node].address;
  Detour& detour = *leg.detour;
  if (awaitsTurn(leg)) return nullptr;
  Link* held = detour.lone.link();
  if (held != nullptr && (held->lost() || held->node() != address || held->protocol() != client.protocol)) {
    const bool neverWorked = !held->wasEverReady();
    detour.lone.reset();
    held = nullptr;
    if (neverWorked) {
      detour.notBefore = services_.host.now + LegSender::kRetryPause;
      return nullptr;
    }
  }
  if (held == nullptr) {
    if (!services_.links.linkTo(node).ready()) return nullptr;
    held = services_.leases.acquire(address, client.protocol, upstream::LeaseUse::Alone);
    if (held == nullptr) {
      if (services_.host.now - lastLook_ >= kLookPause) {
        lastLook_ = services_.host.now;
        closeSlowest(services_);
      }
      return nullptr;
    }
    detour.lone.take(services_.leases, held);
  }
  return held->ready() ? held : nullptr;
}

// A client stays on one replica of a master, as long as that is there and in step.
Link* LinkChoice::replicaLink(Leg& leg, cluster::NodeIndex master) {
  const Client& client = *leg.request->client;
  const cluster::Node& node = services_.links.topology().nodes[master];
  const std::size_t listed = node.replicas.size();
  const std::size_t all = listed + node.joining.size();
  upstream::LinkPool& pool = services_.replicaLinksFor(client.protocol);
  for (std::size_t i = 0; i < all; ++i) {
    const std::size_t at = (client.id() + i) % all;
    Link& link = pool.linkTo(at < listed ? node.replicas[at] : node.joining[at - listed]);
    if (link.inStep() && takes(link) != nullptr) return &link;
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
  Link* any = client.links().anyReady();
  if (any == nullptr || leg.detour == nullptr || !leg.detour->alone) return any;
  // Alone at the node that it has got a connection to.
  const Link* held = leg.detour->lone.link();
  const auto node = services_.links.topology().find(held != nullptr ? held->node() : any->node());
  return node ? loneLink(leg, *node) : nullptr;
}

Link* LinkChoice::targetOf(Leg& leg) {
  Detour& detour = *leg.detour;
  const cluster::Topology& topology = services_.links.topology();
  if (services_.host.now < detour.notBefore) return nullptr;
  // The like of it has been answered by now.
  if (detour.suspicion != 0 && !detour.repeatedAlone && detour.lone.link() == nullptr &&
      !services_.suspects.has(leg.slot, detour.suspicion)) {
    detour.alone = detour.large = false;
    detour.suspicion = 0;
  }
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
  if (detour.dispensable) {
    Link* former = leg.request->client->links().urgentLinkToFormer(*detour.target);
    return former != nullptr && former->ready() ? former : nullptr;
  }
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
  const bool alone = leg.detour != nullptr && leg.detour->alone;
  if (leg.request->lease || conversation.engaged()) {
    const cluster::Topology& topology = services_.links.topology();
    const cluster::NodeIndex owner =
        leg.slot == protocol::kNoSlot ? cluster::kNoNode : topology.owners[leg.slot];
    if (owner == cluster::kNoNode) return Obstacle::NoNode;
    const bool spent = conversation.engaged() ? !conversation.tracking()->hasRoom()
                                              : !conversation.holdsLease(*leg.request->lease) &&
                                                    !services_.leases.hasRoom(*leg.request->lease);
    if (spent) return Obstacle::LeaseLimit;
    return services_.links.linkTo(owner).ready() ? Obstacle::None : Obstacle::NoNode;
  }
  const Link* link = sharedLinkOf(leg);
  if (link == nullptr || !link->up()) return Obstacle::NoNode;
  if (!alone && link->bytesOpen() >= services_.config.linkMaxInFlightBytes) return Obstacle::LinkFull;
  if (!link->ready()) return Obstacle::NodeSilent;
  if (alone) {
    const bool spent =
        leg.detour->lone.link() == nullptr && !services_.leases.hasRoom(upstream::LeaseUse::Alone);
    return spent ? Obstacle::LeaseLimit : Obstacle::None;
  }
  return Obstacle::None;
}

bool LinkChoice::missesNode(const Leg& leg) const {
  const Detour& detour = *leg.detour;
  if (detour.awaitsTarget) return true;
  switch (detour.trouble) {
    case Trouble::Moved:
    case Trouble::ClusterDown:
    case Trouble::Loading:
    case Trouble::ReadOnly:
    case Trouble::MasterDown:
    case Trouble::Unblocked: return true;  // its words may mean that another one has the slot
    default: break;
  }
  const Obstacle obstacle = obstacleTo(leg);
  return obstacle == Obstacle::NoNode || obstacle == Obstacle::NodeSilent;
}

}  // namespace slotless::session
