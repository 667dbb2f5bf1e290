// Asks the owners of some slots, now and then, how many keys these have.
//
// Runs on the cluster thread's loop. A slot that cannot be asked about keeps its last number.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "proxy/cluster/topology.h"
#include "proxy/discovery/node_query.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"

namespace slotless::discovery {

struct CounterSettings {
  upstream::Access access;
  net::Millis queryTimeout{2000};
  net::Millis interval{30'000};
};

class SlotCounter {
 public:
  using Counts = std::map<protocol::Slot, std::uint64_t>;
  using Counted = std::function<void(const Counts&)>;

  // `counted`: all that is known, after each answer.
  SlotCounter(net::Loop& loop, CounterSettings settings, std::set<protocol::Slot> slots, Counted counted);
  ~SlotCounter();

  void setTopology(cluster::TopologyPtr topology);
  // From the next question on.
  void setSettings(CounterSettings settings) { settings_ = std::move(settings); }

 private:
  void ask();
  void askNode(const net::Address& node, const std::vector<protocol::Slot>& slots);

  net::Loop& loop_;
  CounterSettings settings_;
  const std::set<protocol::Slot> slots_;
  Counted counted_;
  cluster::TopologyPtr topology_;
  Counts counts_;
  std::map<net::Address, std::unique_ptr<NodeQuery>> queries_;
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace slotless::discovery
