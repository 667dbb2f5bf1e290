#include "proxy/server/memory_tide.h"

#include <malloc.h>

#include <algorithm>

namespace slotless::server {

void limitAllocatorReserve() noexcept {
  constexpr int kBytes = static_cast<int>(MemoryTide::kWorthwhileBytes);
  mallopt(M_TRIM_THRESHOLD, kBytes);
  // Larger blocks are mapped and unmapped one by one.
  mallopt(M_MMAP_THRESHOLD, kBytes);
  // Freed blocks join their neighbours at once. Else malloc_trim(), and any free() of a large block, does
  // that for all of them in one go: 100 ms for a million, in which the threads that share the heap stand.
  mallopt(M_MXFAST, 0);
}

bool MemoryTide::note(std::size_t bytes, std::size_t peakBytes, net::TimePoint now) noexcept {
  const std::size_t most = std::max(bytes, peakBytes);
  highest_ = std::max(highest_, most);
  if (highest_ - most < kWorthwhileBytes) {
    lowSince_ = now;
    return false;
  }
  if (now - lowSince_ < kCalm) return false;
  highest_ = bytes;
  lowSince_ = now;
  malloc_trim(0);
  return true;
}

}  // namespace slotless::server
