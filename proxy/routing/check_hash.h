// The hash behind the checks that SCAN cursors carry: FNV-1a with its halves folded, since the low bits are
// used. It has to be the same in all proxies of a cluster.
#pragma once
#include <cstdint>
#include <string_view>

namespace slotless::routing {

class CheckHash {
 public:
  CheckHash& add(std::string_view bytes) {
    for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * 16777619U;
    return add(bytes.size());
  }
  CheckHash& add(std::uint64_t number) {
    for (unsigned i = 0; i < 8; ++i)
      value_ = (value_ ^ static_cast<std::uint8_t>(number >> (8 * i))) * 16777619U;
    return *this;
  }
  std::uint32_t value() const { return value_ ^ value_ >> 16; }

 private:
  std::uint32_t value_ = 2166136261U;
};

}  // namespace slotless::routing
