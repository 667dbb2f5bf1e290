#include "proxy/server/memory_tide.h"

#include <malloc.h>

#include <algorithm>

namespace slotless::server {

void limitAllocatorReserve() noexcept {
  constexpr int kBytes = static_cast<int>(MemoryTide::kWorthwhileBytes);
  mallopt(M_TRIM_THRESHOLD, kBytes);
  // Larger blocks are mapped and unmapped one by one.
  mallopt(M_MMAP_THRESHOLD, kBytes);
}

bool MemoryTide::note(std::size_t bytes, std::size_t peakBytes, net::TimePoint now) noexcept {
  highest_ = std::max({highest_, bytes, peakBytes});
  if (highest_ - bytes < kWorthwhileBytes || now - lastTime_ < kPause) return false;
  highest_ = bytes;
  lastTime_ = now;
  malloc_trim(0);
  return true;
}

}  // namespace slotless::server
