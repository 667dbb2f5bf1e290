// The words in which a cut-over or a roll-back is decided (upstream migrating): the daemon and slotless
// migrate share them.
#pragma once
#include <string>
#include <string_view>

namespace slotless::config {

// One of these is in force for good …
inline constexpr std::string_view kServerSide = "single";
inline constexpr std::string_view kClusterSide = "cluster";
// … and one of these, with an id, while it is not decided whether the one is left for the other.
inline constexpr std::string_view kLeavingServer = "preparing:";
inline constexpr std::string_view kLeavingCluster = "returning:";

inline std::string pendingSide(std::string_view id, std::string_view to) {
  return std::string(to == kClusterSide ? kLeavingServer : kLeavingCluster) + std::string(id);
}
// The side that stays in force if what is not decided is given up.
inline std::string_view sideBehind(std::string_view pending) {
  return pending.starts_with(kLeavingCluster) ? kClusterSide : kServerSide;
}

// Does the cluster serve, also while it is not decided whether it is left?
inline bool isClusterInForce(std::string_view side) {
  return side == kClusterSide || sideBehind(side) == kClusterSide;
}

}  // namespace slotless::config
