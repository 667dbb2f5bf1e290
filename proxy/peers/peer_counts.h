// Enters what other proxies tell of their subscribers into the census, and takes out who is gone.
//
// Nodes are told by the cluster's names for them, and known here by the addresses that this proxy reaches
// them by. Belongs to one thread; those who ask the census are on others.
#pragma once
#include <map>
#include <string>
#include <utility>

#include "proxy/cluster/topology.h"
#include "proxy/peers/beat.h"
#include "proxy/pubsub/census.h"

namespace slotless::peers {

class PeerCounts {
 public:
  // `census` outlives it.
  explicit PeerCounts(pubsub::Census& census) : census_(census) {}
  ~PeerCounts();
  PeerCounts(const PeerCounts&) = delete;
  PeerCounts& operator=(const PeerCounts&) = delete;

  // All that this peer has from now on.
  void set(const std::string& peer, const Counts& counts, const cluster::Topology& topology);
  void drop(const std::string& peer);

 private:
  using TopicId = std::pair<pubsub::TopicKind, std::string>;
  using Shares = std::map<TopicId, pubsub::TopicShare>;

  void replace(const Shares& before, const Shares& now);

  pubsub::Census& census_;
  std::map<std::string, Shares> entered_;
};

// What this process has to tell.
Counts ownCounts(const pubsub::Census& census, const cluster::Topology& topology);

}  // namespace slotless::peers
