// How far a node is believed whose place another one has taken.
//
// What such a node says to have done nobody keeps, once the others have moved on without it; what it has
// answered before that has arrived a moment later. Its errors are true in any case: they say what it has not
// done.
#pragma once
#include <optional>

#include "proxy/net/loop.h"

namespace slotless::upstream {

class Belief {
 public:
  void retire(net::TimePoint now) noexcept {
    retired_ = now;
    trustedAgain_ = false;
  }
  void trustAgain() noexcept { trustedAgain_ = true; }
  // Nothing more is to be asked of it, believed or not.
  bool retired() const noexcept { return retired_.has_value(); }
  bool doubtful() const noexcept { return retired_ && !trustedAgain_; }
  bool believes(bool isError, net::TimePoint now) const noexcept {
    return !doubtful() || isError || now - *retired_ <= kTrust;
  }

 private:
  // What it has answered before it was replaced has arrived by then.
  static constexpr net::Millis kTrust{100};

  std::optional<net::TimePoint> retired_;  // since then
  bool trustedAgain_ = false;
};

}  // namespace slotless::upstream
