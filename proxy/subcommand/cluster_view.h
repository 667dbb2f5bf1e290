// What a cluster's nodes tell about its slots, asked once: an immutable snapshot.
//
// Of several nodes' views the one with the highest epoch counts, so that a minority does not.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "protocol/slot.h"
#include "proxy/subcommand/node_client.h"
#include "proxy/subcommand/server_url.h"

namespace slotless::subcommand {

struct ClusterMaster {
  std::string id;
  ServerUrl url;
  std::size_t replicas = 0;
  std::size_t slots = 0;
};

struct ClusterView {
  static constexpr std::int16_t kNobody = -1;

  std::vector<ClusterMaster> masters;  // with slots
  std::array<std::int16_t, protocol::kSlotCount> owner{};
  std::vector<ServerUrl> nodes;  // masters and replicas
  std::int64_t epoch = 0;

  const ClusterMaster* ownerOf(protocol::Slot slot) const noexcept {
    return owner[slot] == kNobody ? nullptr : &masters[static_cast<std::size_t>(owner[slot])];
  }
  // Every slot has a master.
  bool complete() const noexcept;
};

struct ClusterAnswer {
  std::shared_ptr<const ClusterView> view;  // nullptr: see the error
  std::string error;
};

// `rules`: where nodes are reached that announce other addresses.
ClusterAnswer lookAtCluster(std::span<const ServerUrl> nodes, const ConnectOptions& options,
                            const std::vector<config::AddressRule>& rules);

// An announced address as it is reached.
ServerUrl translated(ServerUrl url, const std::vector<config::AddressRule>& rules);

}  // namespace slotless::subcommand
