// Notices when the process needs much less memory than it did, and then has the allocator give pages back to
// the system: what is freed in the middle of the heap stays resident otherwise.
#pragma once
#include <cstddef>

#include "proxy/net/loop.h"

namespace slotless::server {

// Once per process, before there are threads. The allocator would otherwise learn from large values to keep
// as much at the end of each thread's heap, which malloc_trim() does not touch. Also keeps giving back short.
void limitAllocatorReserve() noexcept;

class MemoryTide {
 public:
  // A fall by so much is worth the time (some ms, during which other threads may wait for memory).
  static constexpr std::size_t kWorthwhileBytes = 4U * 1024 * 1024;
  // No more often than this, however much rises and falls.
  static constexpr net::Millis kPause{3'000};

  // What is allocated at this time, and the most that it was since the last call. True: pages have been given
  // back.
  bool note(std::size_t bytes, std::size_t peakBytes, net::TimePoint now) noexcept;

 private:
  std::size_t highest_ = 0;  // since pages were last given back
  net::TimePoint lastTime_{};
};

}  // namespace slotless::server
