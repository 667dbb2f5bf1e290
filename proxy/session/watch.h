// What one client watches, and the lease on which its node remembers that.
//
// From WATCH to EXEC, DISCARD or UNWATCH all commands of the client to that node go by the lease. A watch is
// broken when it can say nothing any more (its lease is lost, its slot has moved): EXEC then answers nil, as
// if a watched key had changed. Ownership: the lease is its source's; it goes back clean only after the node
// has forgotten the watch.
#pragma once
#include <cstddef>
#include <cstdint>

#include "protocol/slot.h"
#include "proxy/session/lease_source.h"

namespace slotless::session {

class Client;
struct Services;

class Watch {
 public:
  Watch(Client& client, Services& services, LeaseSource& leases)
      : client_(client), services_(services), leases_(leases) {}

  bool on() const noexcept { return count_ > 0; }
  bool broken() const noexcept;
  // One WATCH more, of so many keys of that slot.
  void add(protocol::Slot slot, std::size_t keys);
  // Some of them may be the same.
  std::size_t keys() const noexcept { return keys_; }
  // The WATCH under way is the first since nothing was watched.
  bool first() const noexcept { return count_ <= 1; }
  // Something happened to a leg on the lease after which the watch says nothing any more.
  void breakOff() noexcept { broken_ = true; }
  // The same, and the lease is not needed any more.
  void lose();
  // Somebody else has taken that lease away.
  void forgo(const upstream::Link& lease) noexcept;
  // One node cannot guard another's keys. True without a watch.
  bool guards(protocol::Slot slot) const;
  // What is not guarded since slots have moved is no error of the client: that breaks the watch, and is true
  // as well.
  bool guardsOrLost(protocol::Slot slot);

  // The lease for a request at `node`; acquired if need be. nullptr: none to be had now.
  upstream::Link* leaseAt(const net::Address& node);
  // See Conversation.
  bool dropLostLease();
  // The lease if it is at that node, else nullptr.
  upstream::Link* heldAt(const net::Address& node) const;
  upstream::Link* lease() const noexcept { return broken() ? nullptr : lease_; }
  bool holdsLease() const noexcept { return lease_ != nullptr; }

  // The exclusive request under way ends the watch, see settle().
  void endWithRequest() noexcept { ending_ = true; }
  // All replies are in.
  void settle();
  // `clean`: the node has forgotten it.
  void forget(bool clean);

 private:
  void release(bool clean);

  Client& client_;
  Services& services_;
  LeaseSource& leases_;
  upstream::Link* lease_ = nullptr;
  std::size_t count_ = 0;  // of WATCH commands
  std::size_t keys_ = 0;
  // At the first WATCH: the topology, and what is watched.
  std::uint64_t version_ = 0;
  protocol::Slot slot_ = protocol::kNoSlot;
  bool broken_ = false;
  bool ending_ = false;
};

}  // namespace slotless::session
