// Masters whose place a replica of theirs has taken, and that the cluster still lists as masters: they have
// come back, and do not know so yet. They have all of their former keys, and nothing that has been done since.
//
// Who asks all masters about all keys leaves them out. One whose slots have been moved to other masters is
// none of them, nor is one that is being filled.
#pragma once
#include <vector>

#include "proxy/cluster/topology.h"

namespace slotless::upstream {

class ReplacedMasters {
 public:
  void follow(const cluster::Topology& before, const cluster::Topology& now);
  // Of the topology that has been followed last.
  bool has(cluster::NodeIndex node) const noexcept { return node < listed_.size() && listed_[node]; }

 private:
  std::vector<net::Address> known_;  // also those that are away for now; the latest last
  std::vector<bool> listed_;         // by node; empty: none
};

}  // namespace slotless::upstream
