#include "proxy/net/heap_account.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOTLESS_SANITIZED_HEAP 1
// In both runtimes; not all compilers come with <sanitizer/allocator_interface.h>.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace slotless::net {

namespace {

std::atomic<std::ptrdiff_t> peak{0};

void raisePeak(std::ptrdiff_t bytes) noexcept {
  std::ptrdiff_t highest = peak.load(std::memory_order_relaxed);
  while (bytes > highest && !peak.compare_exchange_weak(highest, bytes, std::memory_order_relaxed)) {
  }
}

}  // namespace

#ifdef SLOTLESS_SANITIZED_HEAP

std::size_t heapBytes() noexcept {
  const std::size_t bytes = __sanitizer_get_current_allocated_bytes();
  raisePeak(static_cast<std::ptrdiff_t>(bytes));
  return bytes;
}

void countAllocated(void*) noexcept {}
void countFreed(void*) noexcept {}
void countElsewhere(std::ptrdiff_t) noexcept {}

#else

namespace {

constexpr std::ptrdiff_t kStepBytes = std::ptrdiff_t{64} * 1024;
// In front of each piece of memory; what is mapped by itself has twice as much, and the rest of its last
// page.
constexpr std::ptrdiff_t kHeaderBytes = 8;

std::atomic<std::ptrdiff_t> total{0};
thread_local std::ptrdiff_t untold = 0;

void count(std::ptrdiff_t bytes) noexcept {
  untold += bytes;
  if (untold < kStepBytes && untold > -kStepBytes) return;
  const std::ptrdiff_t told = untold;
  untold = 0;
  raisePeak(total.fetch_add(told, std::memory_order_relaxed) + told);
}

std::ptrdiff_t costOf(void* memory) noexcept {
  return static_cast<std::ptrdiff_t>(malloc_usable_size(memory)) + kHeaderBytes;
}

}  // namespace

std::size_t heapBytes() noexcept {
  return static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(0, total.load(std::memory_order_relaxed) + untold));
}

void countAllocated(void* memory) noexcept {
  count(costOf(memory));
}

void countFreed(void* memory) noexcept {
  if (memory != nullptr) count(-costOf(memory));
}

void countElsewhere(std::ptrdiff_t bytes) noexcept {
  count(bytes);
}

#endif

std::size_t takeHeapPeakBytes() noexcept {
  const auto now = static_cast<std::ptrdiff_t>(heapBytes());
  return static_cast<std::size_t>(std::max(now, peak.exchange(now, std::memory_order_relaxed)));
}

}  // namespace slotless::net

#ifndef SLOTLESS_SANITIZED_HEAP

// All other forms of new and delete (of arrays, sized, that do not throw) come down to these two.
void* operator new(std::size_t bytes) {
  for (;;) {
    if (void* memory = std::malloc(bytes == 0 ? 1 : bytes); memory != nullptr) {
      slotless::net::countAllocated(memory);
      return memory;
    }
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void operator delete(void* memory) noexcept {
  slotless::net::countFreed(memory);
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  ::operator delete(memory);
}

#endif
