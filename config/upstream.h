// What is behind the proxy: a cluster, or one server.
#pragma once
#include "config/config.h"

namespace slotless::config {

inline bool servesOneServer(const Config& config) noexcept {
  return config.side.value_or(config.upstream) == Upstream::Single;
}

// The configuration for both sides at once: TLS may be for one of them only.
Config forBothSides(Config config);

// Credentials of the server's own have been set, and are those that the proxy logs in with.
bool hasServersCredentials(const Config& config) noexcept;
void useServersCredentials(Config& config);

// The configuration in force on that side (Cluster or Single), with upstream migrating: the server has its
// own credentials, and its databases are its own.
Config forSide(Config config, Upstream side);

}  // namespace slotless::config
