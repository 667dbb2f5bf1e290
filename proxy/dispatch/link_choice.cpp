#include "proxy/dispatch/link_choice.h"

#include <algorithm>

#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/large_replies.h"
#include "proxy/dispatch/leases.h"
#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/surroundings.h"

namespace slotless::session {

using upstream::Link;

namespace {
// How often clients are looked through for who keeps connections from others.
constexpr net::Millis kLookPause{500};

// Which node a leg is for; kNoNode: for none in particular, or for one that there is not.
cluster::NodeIndex nodeFor(const Leg& leg, const cluster::Topology& topology) {
  if (leg.detour != nullptr && leg.detour->target)
    return topology.find(*leg.detour->target).value_or(cluster::kNoNode);
  return leg.slot == protocol::kNoSlot ? cluster::kNoNode : topology.owners[leg.slot];
}

}  // namespace

bool readsFromReplica(const Leg& leg) {
  const Request& request = *leg.request;
  Downstream& client = *request.client;
  if (client.readFrom == config::ReadFrom::Master || request.kind != RequestKind::Read) return false;
  if (client.leases().engaged()) return false;  // a master remembers what is read of it
  // What is said of all keys is put together from what masters say.
  if (request.spec->wholeDatabase != protocol::WholeDatabase::None) return false;
  const bool transaction = request.spec->role == protocol::SessionRole::Exec;
  if (request.lease || transaction || request.fromMasters || client.leases().watches() ||
      leg.slot == protocol::kNoSlot)
    return false;
  return client.readFrom == config::ReadFrom::Replica || leg.detour == nullptr || leg.detour->attempts == 0;
}

// The client's link to a node: its lease there, or the shared one. nullptr: none that could take a request
// now.
Link* LinkChoice::linkToNode(Leg& leg, cluster::NodeIndex node) {
  Downstream& client = *leg.request->client;
  Leases& leases = client.leases();
  upstream::LinkPool& links = client.links();
  if (leg.detour == nullptr && !leg.request->lease && leases.sharesLinks()) return takes(links.linkTo(node));
  const net::Address& address = context_.links.topology().nodes[node].address;
  Link* link = nullptr;
  const bool urgent = leg.detour != nullptr && leg.detour->urgent;
  // What is meant for one certain replica reads no keys.
  const bool forReplica =
      leg.detour != nullptr && leg.detour->sticky && !context_.links.topology().nodes[node].master;
  if (leg.request->lease) {
    if (leases.dropLostLease(address, *leg.request->lease) && leg.detour != nullptr) {
      leg.detour->notBefore = context_.host.now + LegSender::kRetryPause;
      return nullptr;
    }
    // The shared link tries for all whether the node is there: a lease is for a node that answers.
    if (!leases.holdsLease(*leg.request->lease) && !context_.links.linkTo(node).ready()) return nullptr;
    link = leases.leaseAt(address, *leg.request->lease);
  } else if (leases.engaged() && !urgent && !forReplica && !leg.request->besideWatch) {
    link = leases.trackingLeaseAt(address);
  } else {
    if (leases.watches() && !leg.request->besideWatch) link = leases.watchLeaseAt(address);
    const bool alone = leg.detour != nullptr && leg.detour->alone && !urgent && !forReplica;
    if (link == nullptr && alone) return loneLink(leg, node);
    if (link == nullptr) link = urgent ? &links.urgentLinkTo(node) : &links.linkTo(node);
  }
  return link == nullptr ? nullptr : takes(*link);
}

Link* LinkChoice::takes(Link& link) const noexcept {
  return link.ready() && link.bytesOpen() < context_.config.linkMaxInFlightBytes ? &link : nullptr;
}

// A connection for this leg alone. The shared link tries for all whether the node is there.
Link* LinkChoice::loneLink(Leg& leg, cluster::NodeIndex node) {
  const Downstream& client = *leg.request->client;
  const net::Address& address = context_.links.topology().nodes[node].address;
  Detour& detour = *leg.detour;
  if (awaitsTurn(leg)) return nullptr;
  Link* held = detour.lone.link();
  if (held != nullptr && (held->lost() || held->node() != address || held->protocol() != client.protocol)) {
    const bool neverWorked = !held->wasEverReady();
    detour.lone.reset();
    held = nullptr;
    if (neverWorked) {
      detour.notBefore = context_.host.now + LegSender::kRetryPause;
      return nullptr;
    }
  }
  if (held == nullptr) {
    if (!context_.links.linkTo(node).ready()) return nullptr;
    held = client.upstream->leases().acquire(address, client.protocol, upstream::LeaseUse::Alone);
    if (held == nullptr) {
      if (context_.host.now - lastLook_ >= kLookPause) {
        lastLook_ = context_.host.now;
        context_.surroundings.closeSlowest();
      }
      return nullptr;
    }
    detour.lone.take(client.upstream->leases(), held);
  }
  return held->ready() ? held : nullptr;
}

// A client stays on one replica of a master, as long as that is there and in step.
Link* LinkChoice::replicaLink(Leg& leg, cluster::NodeIndex master) {
  const Downstream& client = *leg.request->client;
  const cluster::Node& node = context_.links.topology().nodes[master];
  const std::size_t listed = node.replicas.size();
  const std::size_t all = listed + node.joining.size();
  upstream::LinkPool& pool = client.upstream->replicas(client.protocol);
  for (std::size_t i = 0; i < all; ++i) {
    const std::size_t at = (client.id() + i) % all;
    Link& link = pool.linkTo(at < listed ? node.replicas[at] : node.joining[at - listed]);
    if (link.inStep() && takes(link) != nullptr) return &link;
  }
  return nullptr;
}

// Where all that can be reached deny READONLY nobody would ever be read from.
bool LinkChoice::replicasDeny(const Leg& leg, cluster::NodeIndex master) const {
  const cluster::Node& node = context_.links.topology().nodes[master];
  const Downstream& client = *leg.request->client;
  upstream::LinkPool& pool = client.upstream->replicas(client.protocol);
  const auto denies = [&pool](cluster::NodeIndex replica) { return pool.linkTo(replica).deniesReads(); };
  return !node.replicas.empty() && std::all_of(node.replicas.begin(), node.replicas.end(), denies);
}

Link* LinkChoice::linkForSlot(Leg& leg) {
  const cluster::Topology& topology = context_.links.topology();
  if (leg.slot != protocol::kNoSlot) {
    const cluster::NodeIndex owner = topology.owners[leg.slot];
    if (owner == cluster::kNoNode) return nullptr;
    if (!readsFromReplica(leg)) return linkToNode(leg, owner);
    if (Link* link = replicaLink(leg, owner)) return link;
    const bool waits =
        leg.request->client->readFrom == config::ReadFrom::Replica && !replicasDeny(leg, owner);
    return waits ? nullptr : linkToNode(leg, owner);
  }
  Downstream& client = *leg.request->client;
  if (leg.request->lease) {  // a batch without keys on the watch's lease
    Link* lease = client.leases().watchLease();
    return lease != nullptr && lease->ready() ? lease : nullptr;
  }
  if (client.leases().engaged()) return client.leases().anyTrackingLease();
  Link* any = client.links().anyReady();
  if (any == nullptr || leg.detour == nullptr || !leg.detour->alone) return any;
  // Alone at the node that it has got a connection to.
  const Link* held = leg.detour->lone.link();
  const auto node = context_.links.topology().find(held != nullptr ? held->node() : any->node());
  return node ? loneLink(leg, *node) : nullptr;
}

Link* LinkChoice::targetOf(Leg& leg) {
  Detour& detour = *leg.detour;
  const cluster::Topology& topology = context_.links.topology();
  if (context_.host.now < detour.notBefore) return nullptr;
  // The like of it has been answered by now.
  if (detour.suspicion != 0 && !detour.repeatedAlone && detour.lone.link() == nullptr &&
      !context_.suspects.has(leg.slot, detour.suspicion)) {
    detour.alone = detour.large = false;
    detour.suspicion = 0;
  }
  if (detour.target && !detour.sticky && topology.version != detour.targetVersion && !detour.awaitsTarget) {
    detour.target.reset();  // the topology knows better by now
    detour.asking = false;
  }
  if (!detour.target) return linkForSlot(leg);
  const auto node = topology.find(*detour.target);
  const bool isMaster = node && topology.nodes[*node].master && !context_.links.isReplaced(*node);
  if (detour.anchor != protocol::kNoSlot && !isMaster) {
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
  if (leg.request->lease || leg.request->client->leases().engaged()) return nullptr;
  const cluster::Topology& topology = context_.links.topology();
  const cluster::NodeIndex node = nodeFor(leg, topology);
  if (node == cluster::kNoNode || !topology.nodes[node].master) return nullptr;
  return &leg.request->client->links().linkTo(node);
}

Obstacle LinkChoice::obstacleTo(const Leg& leg) const {
  const Leases& leases = leg.request->client->leases();
  const bool alone = leg.detour != nullptr && leg.detour->alone;
  if (leg.request->lease || leases.engaged()) {
    const cluster::NodeIndex node = nodeFor(leg, context_.links.topology());
    if (node == cluster::kNoNode) return Obstacle::NoNode;
    const bool spent = leases.engaged()
                           ? !leases.hasRoomToTrack()
                           : !leases.holdsLease(*leg.request->lease) &&
                                 !leg.request->client->upstream->leases().hasRoom(*leg.request->lease);
    if (spent) return Obstacle::LeaseLimit;
    const Link& shared = context_.links.linkTo(node);
    if (shared.ready() || shared.beginning()) return Obstacle::None;
    return shared.up() ? Obstacle::NodeSilent : Obstacle::NoNode;
  }
  const Link* link = sharedLinkOf(leg);
  if (link == nullptr || (!link->up() && !link->beginning())) return Obstacle::NoNode;
  if (!link->up()) return Obstacle::None;
  if (!alone && link->bytesOpen() >= context_.config.linkMaxInFlightBytes) return Obstacle::LinkFull;
  if (!link->ready()) return Obstacle::NodeSilent;
  if (alone) {
    const bool spent = leg.detour->lone.link() == nullptr &&
                       !leg.request->client->upstream->leases().hasRoom(upstream::LeaseUse::Alone);
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
