// The pauses between attempts to connect: they double, with jitter, until the node is of use again.
#pragma once
#include <algorithm>
#include <cstdint>

#include "proxy/net/loop.h"

namespace slotless::upstream {

class Backoff {
 public:
  // A connection could not be made, or is lost. What to wait before the next attempt: nothing if it had been
  // `established` and nothing has failed before. `random(bound)`: a number in [0, bound).
  template <typename Random>
  net::Millis afterLoss(bool established, net::Millis least, net::Millis most, Random random) {
    net::Millis pause{0};
    if (!established || failures_ > 0) {
      const auto doubled = least.count() << std::min<std::uint32_t>(failures_, 16);
      const auto full = std::min<net::Millis::rep>(doubled, most.count());
      pause = net::Millis(full / 2 + random(static_cast<std::uint32_t>(full / 2 + 1)));
    }
    ++failures_;
    return pause;
  }
  // It stands, but one that breaks before it has been of use counts as one that was never made.
  void standing() noexcept { failures_ = std::min<std::uint32_t>(failures_, 1); }
  void ofUse() noexcept { failures_ = 0; }
  std::uint32_t failures() const noexcept { return failures_; }

 private:
  std::uint32_t failures_ = 0;  // since the node was last of use
};

}  // namespace slotless::upstream
