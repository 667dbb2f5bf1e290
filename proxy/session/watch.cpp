#include "proxy/session/watch.h"

#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

using upstream::Link;

// A lease of another protocol than the client now speaks is of no use to it.
bool Watch::broken() const noexcept {
  return broken_ || (lease_ != nullptr && (lease_->lost() || lease_->protocol() != client_.protocol));
}

void Watch::add(protocol::Slot slot, std::size_t keys) {
  if (!on()) {
    version_ = services_.links.topology().version;
    slot_ = slot;
  }
  ++count_;
  keys_ += keys;
}

bool Watch::guards(protocol::Slot slot) const {
  if (lease_ == nullptr) return true;
  const cluster::Topology& topology = services_.links.topology();
  const cluster::NodeIndex owner = topology.owners[slot];
  return owner == cluster::kNoNode || topology.nodes[owner].address == lease_->node();
}

bool Watch::guardsOrLost(protocol::Slot slot) {
  if (guards(slot)) return true;
  // The first WATCH may have been redirected where the topology does not have the slot yet.
  if (services_.links.topology().version == version_ && guards(slot_)) return false;
  breakOff();
  return true;
}

void Watch::lose() {
  release(false);
  breakOff();
}

void Watch::forgo(const Link& lease) noexcept {
  if (lease_ != &lease) return;
  lease_ = nullptr;
  breakOff();
}

Link* Watch::leaseAt(const net::Address& node) {
  // What is watched stays on the lease that watches it.
  if (!first() && lease_ != nullptr && lease_->node() != node) breakOff();
  if (broken()) return nullptr;
  if (lease_ != nullptr && lease_->node() != node) release(false);
  if (lease_ == nullptr) {
    lease_ = leases_.acquire(node, upstream::LeaseUse::Transaction);
  }
  return lease_;
}

bool Watch::dropLostLease() {
  // A later WATCH has lost the watch with it.
  if (!first() || lease_ == nullptr || !lease_->lost()) return false;
  const bool neverWorked = !lease_->wasEverReady();
  release(false);
  return neverWorked;
}

Link* Watch::heldAt(const net::Address& node) const {
  return lease_ == nullptr || broken() || lease_->node() != node ? nullptr : lease_;
}

void Watch::settle() {
  if (ending_) forget(!broken());
}

void Watch::forget(bool clean) {
  release(clean);
  count_ = 0;
  keys_ = 0;
  broken_ = false;
  ending_ = false;
}

void Watch::release(bool clean) {
  if (lease_ != nullptr) leases_.release(*lease_, upstream::LeaseUse::Transaction, clean);
  lease_ = nullptr;
}

}  // namespace slotless::session
