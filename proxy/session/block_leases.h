// The leases on which one client is blocked: one for a command, several only for WAIT.
//
// Ownership: the leases are the pool's.
#pragma once
#include <vector>

#include "proxy/upstream/lease_pool.h"

namespace slotless::session {

class BlockLeases {
 public:
  explicit BlockLeases(upstream::LeasePool& pool) : pool_(pool) {}

  // Acquires one if need be. nullptr: none to be had now. `only`: leases at other nodes are of no use any
  // more.
  upstream::Link* at(const net::Address& node, int protocol, bool only);
  // See Conversation::dropLostLease().
  bool dropLost(const net::Address& node);
  // Where the client is blocked. Other clients will not get these leases: an unblocking that is on its way
  // could hit them.
  const std::vector<upstream::Link*>& forUnblocking() noexcept;
  bool empty() const noexcept { return leases_.empty(); }
  // All replies are in.
  void settle();
  void release(bool clean);

 private:
  upstream::LeasePool& pool_;
  std::vector<upstream::Link*> leases_;
  bool unblocking_ = false;  // an unblocking is on its way to them
};

}  // namespace slotless::session
