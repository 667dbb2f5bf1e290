// The connections that one client has for itself, as far as they decide where its requests go: the lease of
// its watch, those of its blocking command, and, while it tracks keys, all of them.
//
// Ownership: the links are the client's; a pointer is good for this turn of the loop.
#pragma once
#include "proxy/net/address/address.h"
#include "proxy/net/byte_chain.h"
#include "proxy/upstream/lease_pool.h"

namespace slotless::session {

class Request;

class Leases {
 public:
  // The client has none, and nothing is open that a request could be part of.
  virtual bool sharesLinks() const noexcept = 0;

  // The lease that a request of this use goes by, at `node`; acquired if need be. nullptr: none to be had
  // now.
  virtual upstream::Link* leaseAt(const net::Address& node, upstream::LeaseUse use) = 0;
  // Gives back what leaseAt() would give, if that is lost. True: it has never worked, so the next one may not
  // either.
  virtual bool dropLostLease(const net::Address& node, upstream::LeaseUse use) = 0;
  virtual bool holdsLease(upstream::LeaseUse use) const noexcept = 0;

  // Something is watched.
  virtual bool watches() const noexcept = 0;
  // The lease that the watch has, for what has no keys. nullptr: none, or it is of no use any more.
  virtual upstream::Link* watchLease() const noexcept = 0;
  // The same, if it is at that node.
  virtual upstream::Link* watchLeaseAt(const net::Address& node) const = 0;
  // The WATCH under way is the first since nothing was watched.
  virtual bool watchBegins() const noexcept = 0;
  virtual bool watchBroken() const noexcept = 0;
  // Something happened to a leg on its lease after which the watch says nothing any more.
  virtual void breakWatch() noexcept = 0;

  // All that the client sends goes by its tracking leases.
  virtual bool engaged() const noexcept = 0;
  // Of those. nullptr: there is none now. A node that is not known yet gets its lease.
  virtual upstream::Link* trackingLeaseAt(const net::Address& node) = 0;
  virtual upstream::Link* anyTrackingLease() = 0;
  virtual bool tracksOn(const upstream::Link& link) const noexcept = 0;
  // The budget allows what is missing of them.
  virtual bool hasRoomToTrack() const noexcept = 0;
  // The request could not be sent in a way that its keys are remembered: they count as changed at once.
  virtual void voidReadsOf(const Request& request, const net::ByteChain& bytes) = 0;

 protected:
  ~Leases() = default;
};

}  // namespace slotless::session
