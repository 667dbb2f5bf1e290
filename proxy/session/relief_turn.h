// Whose turn it is to relieve memory: one round at a time for the process, with a pause behind each, in which
// what it has closed leaves. Safe on any thread.
#pragma once
#include <atomic>
#include <limits>

#include "proxy/net/loop.h"

namespace slotless::session {

class ReliefTurn {
 public:
  // False: another round is under way, or the last one's pause.
  bool begin(net::TimePoint now) noexcept {
    auto notBefore = notBefore_.load(std::memory_order_relaxed);
    return now.time_since_epoch().count() >= notBefore &&
           notBefore_.compare_exchange_strong(notBefore, kUnderWay, std::memory_order_relaxed);
  }
  void end(net::TimePoint notBefore) noexcept {
    notBefore_.store(notBefore.time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  using Ticks = net::TimePoint::rep;
  static constexpr Ticks kUnderWay = std::numeric_limits<Ticks>::max();
  std::atomic<Ticks> notBefore_{std::numeric_limits<Ticks>::min()};
};

}  // namespace slotless::session
