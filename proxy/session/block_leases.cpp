#include "proxy/session/block_leases.h"

#include <algorithm>

namespace slotless::session {

using upstream::Link;

Link* BlockLeases::at(const net::Address& node, bool only) {
  const auto held =
      std::find_if(leases_.begin(), leases_.end(), [&](const Link* lease) { return lease->node() == node; });
  if (held != leases_.end()) return *held;
  if (only) release(true);
  Link* lease = source_.acquire(node, upstream::LeaseUse::Blocking);
  if (lease != nullptr) leases_.push_back(lease);
  return lease;
}

bool BlockLeases::dropLost(const net::Address& node) {
  const auto lost = std::find_if(leases_.begin(), leases_.end(),
                                 [&](const Link* lease) { return lease->node() == node && lease->lost(); });
  if (lost == leases_.end()) return false;
  const bool neverWorked = !(*lost)->wasEverReady();
  source_.release(**lost, upstream::LeaseUse::Blocking, false);
  leases_.erase(lost);
  return neverWorked;
}

const std::vector<Link*>& BlockLeases::forUnblocking() noexcept {
  unblocking_ = !leases_.empty();
  return leases_;
}

void BlockLeases::settle() {
  release(!unblocking_);
}

void BlockLeases::release(bool clean) {
  for (Link* lease : leases_) source_.release(*lease, upstream::LeaseUse::Blocking, clean);
  leases_.clear();
  unblocking_ = false;
}

}  // namespace slotless::session
