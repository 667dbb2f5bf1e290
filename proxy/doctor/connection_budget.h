// How many connections one proxy may come to have to one node.
#pragma once
#include <algorithm>
#include <cstdint>

#include "config/config.h"

namespace slotless::doctor {

struct ConnectionBudget {
  std::uint64_t links = 0;   // that clients share
  std::uint64_t leases = 0;  // of one client each

  std::uint64_t total() const noexcept { return links + leases; }
};

inline ConnectionBudget connectionBudget(const config::Config& config) noexcept {
  // RESP2 and RESP3, and of each one for large requests and replies.
  constexpr std::uint64_t kLinksOfWorker = 4;
  const std::uint64_t leases =
      config.leaseMaxTransactions + config.leaseMaxBlocking + config.leaseMaxTracking + config.leaseMaxAlone;
  // A client has one, or with tracking and REDIRECT two.
  return {config.workers * kLinksOfWorker, std::min(config.workers * leases, 2 * config.maxClients)};
}

}  // namespace slotless::doctor
