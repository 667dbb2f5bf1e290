// Where the topology comes from: asks servers, and publishes a snapshot whenever something has changed.
//
// Runs on the cluster thread's loop. Errors: what could not be learned is told as an event, and tried again.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"

namespace slotless::discovery {

struct RefreshSettings {
  std::vector<net::Address> seeds;
  cluster::AddressMap addressMap;
  upstream::Access access;
  net::Millis interval{30000};
  net::Millis minInterval{100};
  net::Millis queryTimeout{2000};
  std::size_t urgentWidth = 3;
  // One server only: the seeds are sentinels, which know it by this name. Empty: they are servers.
  std::string sentinelName = {};
};

struct TopologyEvents {
  std::function<void(cluster::TopologyPtr)> changed;
  // Somebody answered: the topology is confirmed as of now.
  std::function<void()> confirmed;
  std::function<void(const net::Address&, const std::string& error)> failed;
};

class TopologySource {
 public:
  TopologySource() = default;
  TopologySource(const TopologySource&) = delete;
  TopologySource& operator=(const TopologySource&) = delete;
  virtual ~TopologySource() = default;

  // Begins the first round at once.
  virtual void start() = 0;
  // From the next round on, which begins soon.
  virtual void setSettings(RefreshSettings settings) = 0;
  // Something suggests that the topology has changed (a redirect, a lost link, a replica's refusal). Many
  // calls make one round.
  virtual void request(bool urgent) = 0;
};

}  // namespace slotless::discovery
