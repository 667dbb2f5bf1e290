// A heap buffer of exactly the bytes given, so that AddressSanitizer sees a read beyond them.
#pragma once
#include <algorithm>
#include <memory>
#include <string_view>

namespace slotless::test {

class ExactBuffer {
 public:
  explicit ExactBuffer(std::string_view bytes)
      : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

}  // namespace slotless::test
