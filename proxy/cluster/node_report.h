// What one server tells of itself, as far as people look at it: of INFO and of its own line in CLUSTER NODES.
// Plain values; what a server does not tell stays nullopt or empty.
//
// Source: redis.io/commands/info, redis.io/commands/cluster-nodes (open slots: "[93->-id]", "[77-<-id]").
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/slot.h"

namespace slotless::cluster {

// A slot that is on its way.
struct OpenSlot {
  protocol::Slot slot = 0;
  bool leaves = false;  // for the other one; else it comes from there
  std::string other;    // the other node's id

  bool operator==(const OpenSlot&) const = default;
};

struct NodeReport {
  std::int64_t unixMillis = 0;       // when it was asked …
  std::int64_t roundTripMicros = 0;  // … and how long a PING and its answer took, on a connection that stood
  std::string error;                 // it has not answered; then all below is as it was before
  std::string server;                // "redis 7.0.15"
  std::string role;                  // "master", "slave"
  std::optional<std::int64_t> uptimeSeconds;
  std::optional<std::uint64_t> memoryBytes;
  std::optional<std::uint64_t> memoryLimitBytes;  // 0: none
  std::string evictionPolicy;
  std::optional<std::uint64_t> keys;
  std::optional<std::uint64_t> keysWithExpiry;
  std::optional<std::uint64_t> clients;
  std::optional<std::uint64_t> clientLimit;
  std::optional<std::uint64_t> requestsPerSecond;  // of all its clients
  std::optional<std::uint64_t> evictedKeys;
  std::optional<std::uint64_t> replicationOffset;  // what it has sent, or of its master received
  std::optional<std::uint64_t> replicas;
  std::string masterLink;                           // of a replica: "up", "down"
  std::optional<std::int64_t> masterSilentSeconds;  // of a replica: since it has heard of its master
  bool loading = false;
  std::vector<OpenSlot> openSlots;
};

// Takes over what the text of INFO says.
void takeInfo(NodeReport& report, std::string_view info);
// The open slots in the node's own line of CLUSTER NODES.
std::vector<OpenSlot> openSlotsIn(std::string_view nodes);

}  // namespace slotless::cluster
