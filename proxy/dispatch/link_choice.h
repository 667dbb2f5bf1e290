// Which link a leg takes: that of its slot's owner, of the node it was redirected to, of a replica, or a
// lease.
//
// Ownership: the links belong to their pools; a pointer is good for this turn of the loop. Errors: nullptr
// means that nothing can take the leg now; obstacleTo() tells why.
#pragma once
#include <cstdint>

#include "proxy/cluster/topology.h"
#include "proxy/dispatch/request.h"
#include "proxy/upstream/link.h"

namespace slotless::session {

struct Context;

// Why a leg that waits has not been sent.
enum class Obstacle : std::uint8_t {
  None,        // none: it waits for those before it, or for a pause to end
  NoNode,      // no reachable node serves the slot
  NodeSilent,  // suspect-after: the node is there, and does not answer what it was sent
  LinkFull,    // link-max-in-flight-bytes: the node does not take requests as fast as they come
  LeaseLimit   // all leases that the budget allows are in use
};

class LinkChoice {
 public:
  explicit LinkChoice(Context& context) : context_(context) {}

  // The link if it can take a request now.
  upstream::Link* takes(upstream::Link& link) const noexcept;
  // Where a leg goes that nobody has redirected.
  upstream::Link* linkForSlot(Leg& leg);
  // Where a held leg would go now. Forgets a redirect that the topology has overtaken.
  upstream::Link* targetOf(Leg& leg);
  Obstacle obstacleTo(const Leg& leg) const;
  // Does a held leg need the topology to be looked up?
  bool missesNode(const Leg& leg) const;
  // The shared link that a leg would take if it were ready; nullptr: it goes to no certain master, or on a
  // lease.
  upstream::Link* sharedLinkOf(const Leg& leg) const;

 private:
  upstream::Link* linkToNode(Leg& leg, cluster::NodeIndex node);
  upstream::Link* loneLink(Leg& leg, cluster::NodeIndex node);
  upstream::Link* replicaLink(Leg& leg, cluster::NodeIndex master);
  bool replicasDeny(const Leg& leg, cluster::NodeIndex master) const;

  Context& context_;
  net::TimePoint lastLook_{};
};

// Reads outside of sessions, where the client's policy says so. What has met trouble there goes to the
// master, unless only replicas will do.
bool readsFromReplica(const Leg& leg);

}  // namespace slotless::session
