// A reply that has come before its turn: most are a line or a small value, and need no block.
//
// Ownership: its request's. Units: bytes.
#pragma once
#include <array>
#include <cstring>
#include <string_view>

#include "proxy/net/byte_chain.h"

namespace slotless::session {

class WaitingReply {
 public:
  explicit WaitingReply(net::BlockPool& pool) noexcept : rest_(pool) {}

  std::size_t size() const noexcept { return smallBytes_ + rest_.size(); }
  bool empty() const noexcept { return size() == 0; }
  void append(std::string_view bytes) {
    if (bytes.size() > small_.size() - smallBytes_ || !rest_.empty()) return rest_.append(bytes);
    std::memcpy(small_.data() + smallBytes_, bytes.data(), bytes.size());
    smallBytes_ += static_cast<unsigned char>(bytes.size());
  }
  void moveTo(net::ByteChain& out) {
    if (smallBytes_ > 0) out.append({small_.data(), smallBytes_});
    smallBytes_ = 0;
    if (!rest_.empty()) out.splice(rest_);
  }
  void clear() noexcept {
    smallBytes_ = 0;
    rest_.clear();
  }

 private:
  std::array<char, 63> small_;
  unsigned char smallBytes_ = 0;
  net::ByteChain rest_;  // behind the small ones
};

}  // namespace slotless::session
