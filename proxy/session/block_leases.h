// The leases on which one client is blocked: one for a command, several only for WAIT.
//
// Ownership: the leases are their source's.
#pragma once
#include <vector>

#include "proxy/session/lease_source.h"

namespace slotless::session {

class BlockLeases {
 public:
  explicit BlockLeases(LeaseSource& source) : source_(source) {}

  // Acquires one if need be. nullptr: none to be had now. `only`: leases at other nodes are of no use any
  // more.
  upstream::Link* at(const net::Address& node, bool only);
  // See Conversation::dropLostLease().
  bool dropLost(const net::Address& node);
  // Where the client is blocked. Other clients will not get these leases: an unblocking that is on its way
  // could hit them.
  const std::vector<upstream::Link*>& forUnblocking() noexcept;
  bool empty() const noexcept { return leases_.empty(); }
  // All replies are in.
  void settle();
  void release(bool clean);
  // Somebody else has taken that lease away.
  void forgo(const upstream::Link& lease) noexcept { std::erase(leases_, &lease); }

 private:
  LeaseSource& source_;
  std::vector<upstream::Link*> leases_;
  bool unblocking_ = false;  // an unblocking is on its way to them
};

}  // namespace slotless::session
