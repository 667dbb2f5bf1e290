// Which nodes have lost all their slots, and with which snapshot: what such a node had acknowledged before,
// its successor may lack, and the node itself lacks it too when it has slots again.
//
// Errors: of nodes that have left the cluster long ago only the latest are known.
#pragma once
#include <cstdint>
#include <map>

#include "proxy/cluster/topology.h"

namespace slotless::cluster {

class SlotLosses {
 public:
  // `after` follows `before`.
  void note(const Topology& before, const Topology& after);
  // Was there a snapshot after that version in which the node had no slots?
  bool lostAfter(std::uint64_t version, const net::Address& node) const;

 private:
  std::map<net::Address, std::uint64_t> lastLoss_;  // the snapshot's version
};

}  // namespace slotless::cluster
