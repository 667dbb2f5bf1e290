#include "proxy/session/lease_source.h"

#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

using upstream::LeaseUse;
using upstream::Link;

Link* LeaseSource::acquire(const net::Address& node, LeaseUse use) {
  Conversation& conversation = client_.conversation();
  if (conversation.engaged()) return conversation.tracking()->linkTo(node);
  if (use != LeaseUse::Transaction) return client_.upstream->leases().acquire(node, client_.protocol, use);
  LeaseShares& shares = services_.leaseShares;
  Link* lease =
      shares.admits(client_) ? client_.upstream->leases().acquire(node, client_.protocol, use) : nullptr;
  if (lease == nullptr) shares.onRefused(client_, services_.host.now);
  return lease;
}

void LeaseSource::release(Link& lease, LeaseUse use, bool clean) {
  Tracking* tracking = client_.conversation().tracking();
  if (tracking == nullptr || !tracking->owns(lease)) return client_.upstream->leases().release(lease, clean);
  if (use == LeaseUse::Transaction && !clean) tracking->forgetWatchOn(lease);
}

}  // namespace slotless::session
