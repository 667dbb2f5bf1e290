// What is behind the proxy: a cluster, or one server.
#pragma once
#include "config/config.h"

namespace slotless::config {

inline bool servesOneServer(const Config& config) noexcept {
  return config.upstream == Upstream::Single;
}

}  // namespace slotless::config
