// What this process has allocated, at what it costs: by new, and by the pools of blocks.
//
// Units: bytes, the allocator's own part included. Each thread keeps back what it has not told yet, so the
// sum lags by up to 64 KiB a thread. What C libraries allocate by themselves (buffers of libuv) is not in
// it, but for OpenSSL after countTlsMemory(). Source: glibc, malloc_usable_size(3); sanitizers have an
// allocator of their own, which is asked instead and counts everything. Safe on any thread.
#pragma once
#include <cstddef>

namespace slotless::net {

std::size_t heapBytes() noexcept;
// The highest that heapBytes() has been since this was asked last.
std::size_t takeHeapPeakBytes() noexcept;

// For memory that is allocated by malloc(): right after its allocation, and right before it is given back.
void countAllocated(void* memory) noexcept;
void countFreed(void* memory) noexcept;
// For memory that somebody allocates who cannot say so: so much more of it, or less.
void countElsewhere(std::ptrdiff_t bytes) noexcept;

}  // namespace slotless::net
