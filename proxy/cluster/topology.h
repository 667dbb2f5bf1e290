// An immutable snapshot of the cluster: which node owns each slot, and who its replicas are.
//
// Ownership: shared by all threads as shared_ptr<const Topology>; never changed once published.
// Source: CLUSTER SLOTS and CLUSTER NODES, Redis Cluster specification.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/slot.h"
#include "proxy/cluster/address_map.h"
#include "proxy/net/address/address.h"

namespace slotless::cluster {

// Index into Topology::nodes.
using NodeIndex = std::uint16_t;
inline constexpr NodeIndex kNoNode = 0xFFFF;

struct Node {
  std::string id;  // the cluster's 40 hex digits; empty where the server does not say
  net::Address address;
  bool master = false;
  // The node's configuration epoch: of two claims to a slot, the higher one wins. 0: unknown.
  std::uint64_t epoch = 0;
  std::vector<NodeIndex> replicas;  // of a master: those that have received something from it
  // What other nodes and redirects may call it: by name, by number.
  std::vector<net::Address> aliases = {};
  // Of a master: replicas that CLUSTER SLOTS leaves out, since they have sent word of nothing received so
  // far.
  std::vector<NodeIndex> joining = {};
};

struct Topology {
  // Grows by one with each snapshot that differs from the one before. 0: nothing is known yet.
  std::uint64_t version = 0;
  std::vector<Node> nodes;
  // As the servers report it ("7.0.15"); empty while unknown.
  std::string serverVersion;
  // Already applied to the nodes; redirects still need it.
  AddressMap addressMap;
  std::array<NodeIndex, protocol::kSlotCount> owners;  // kNoNode: nobody serves the slot

  Topology() { owners.fill(kNoNode); }

  // By its address, or by an alias.
  std::optional<NodeIndex> find(const net::Address& address) const;
  bool isMaster(const net::Address& address) const;
  bool ownsSlots(const net::Address& address) const;
  std::size_t slotsCovered() const;
  // As many replicas as each master with slots has at least.
  std::size_t fewestReplicas() const;
  bool complete() const { return slotsCovered() == protocol::kSlotCount; }
  // Brings the nodes into the order of their addresses, so that equal layouts compare equal.
  void sortNodes();
  // Same nodes, roles and owners; versions and epochs aside.
  bool sameLayout(const Topology& other) const;
};

using TopologyPtr = std::shared_ptr<const Topology>;

}  // namespace slotless::cluster
