// What one node says in CLUSTER NODES: of itself the slots it serves, and those on their way out or in; of
// all nodes how they share out the slots.
//
// Only a node itself knows of migrations, and it knows first that a slot is no longer its own.
// Source: CLUSTER NODES (redis.io/commands/cluster-nodes), "importing and migrating slots".
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/topology.h"

namespace slotless::routing {

struct NodeView {
  struct Range {
    protocol::Slot first;
    protocol::Slot last;
  };
  std::string id;
  std::uint64_t epoch = 0;
  std::vector<Range> ranges;                        // ascending
  std::map<protocol::Slot, std::string> migrating;  // slot → the target's id
  std::map<protocol::Slot, std::string> importing;  // slot → the source's id
  // Nodes with slots, in the order of their first slots: which one this is (none: kNoPlace), how many there
  // are, and a hash of which slots belong together, whoever has them.
  static constexpr std::size_t kNoPlace = SIZE_MAX;
  std::size_t place = kNoPlace;
  std::size_t places = 0;
  std::uint32_t sharing = 0;

  bool owns(protocol::Slot slot) const noexcept;
  // The end (exclusive) of the longest range from `slot` on that is wholly here: up to the next slot that is
  // another node's or is being migrated. A migrating `slot` stands alone. Requires owns(slot).
  std::uint32_t rangeEnd(protocol::Slot slot) const noexcept;
};

// nullopt: no line is marked as the node's own.
std::optional<NodeView> parseNodeView(std::string_view clusterNodes);
// Where CLUSTER NODES may not be asked: what the topology knows; nothing of migrations.
NodeView viewOf(const cluster::Topology& topology, cluster::NodeIndex node);

}  // namespace slotless::routing
