// Gives the pages of large memory back to the system a little at a time: all at once takes it tens of
// milliseconds for a gigabyte.
//
// For memory that will not be read any more: what it holds is lost. Linux only; see madvise(2).
#pragma once
#include <cstddef>

namespace slotless::net {

class PageReturn {
 public:
  // Smaller memory is freed in no time.
  static constexpr std::size_t kLargeBytes = 16U * 1024 * 1024;
  static constexpr std::size_t kBytesAtOnce = 2U * 1024 * 1024;

  PageReturn(void* begin, std::size_t bytes) noexcept;
  // Gives kBytesAtOnce back. True: there are no more.
  bool goOn() noexcept;

 private:
  char* next_;
  char* end_;
};

}  // namespace slotless::net
