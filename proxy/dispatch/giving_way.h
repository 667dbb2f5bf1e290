// Who goes round a shared link that a large reply occupies (Link::occupied()).
//
// There are two shared links to each node, for clients with small values and for those with large ones. A
// client with nothing under way takes the other one than usual while its own is occupied and the other is
// not, and comes back when nothing of it is under way any more. Whoever has something under way stays where
// it is, so the order of its requests is what it is on one link.
#pragma once
#include "protocol/slot.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

// Is there anything to go round, for a request that stands at the end of the pending list and has not been
// sent? False for nearly all.
inline bool mayGiveWay(const Context& context, const Downstream& client) noexcept {
  return context.host.occupiedLinks > 0 && client.pending().size() == 1;
}

// Requires mayGiveWay(). `slot`: the request goes to its owner; kNoSlot: to any node.
void giveWay(const Context& context, Downstream& client, protocol::Slot slot);
// The same, where the plan says.
void giveWay(const Context& context, Downstream& client, const routing::Plan& plan);

}  // namespace slotless::session
