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
  // A fall by so much is worth the time (tens of ms for what hundreds of clients have left, during which
  // other threads wait for memory).
  static constexpr std::size_t kWorthwhileBytes = 4U * 1024 * 1024;
  // It has to stay so low for so long: what rises and falls all the time would be wanted again at once, and
  // others would stand still for it each time.
  static constexpr net::Millis kCalm{3'000};

  // What is allocated at this time, and the most that it was since the last call. True: pages have been given
  // back.
  bool note(std::size_t bytes, std::size_t peakBytes, net::TimePoint now) noexcept;

 private:
  std::size_t highest_ = 0;  // since pages were last given back
  net::TimePoint lowSince_{};
};

}  // namespace slotless::server
