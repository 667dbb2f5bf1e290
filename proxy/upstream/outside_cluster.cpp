#include "proxy/upstream/outside_cluster.h"

#include <atomic>

namespace slotless::upstream {

namespace {
std::atomic<bool> isOutside = false;
}  // namespace

void setOutsideCluster(bool outside) noexcept {
  isOutside.store(outside, std::memory_order_relaxed);
}

bool isOutsideCluster() noexcept {
  return isOutside.load(std::memory_order_relaxed);
}

}  // namespace slotless::upstream
