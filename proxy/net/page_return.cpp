#include "proxy/net/page_return.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace slotless::net {

namespace {

std::uintptr_t pageBytes() noexcept {
  static const auto bytes = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

// Only whole pages: the first and the last one may belong to others, too.
PageReturn::PageReturn(void* begin, std::size_t bytes) noexcept {
  const auto from = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = (from + pageBytes() - 1) / pageBytes() * pageBytes();
  const std::uintptr_t last = (from + bytes) / pageBytes() * pageBytes();
  next_ = reinterpret_cast<char*>(first);
  end_ = bytes < kLargeBytes ? next_ : reinterpret_cast<char*>(std::max(first, last));
}

bool PageReturn::goOn() noexcept {
  const auto bytes = std::min(kBytesAtOnce, static_cast<std::size_t>(end_ - next_));
  if (bytes > 0) madvise(next_, bytes, MADV_DONTNEED);
  next_ += bytes;
  return next_ == end_;
}

}  // namespace slotless::net
