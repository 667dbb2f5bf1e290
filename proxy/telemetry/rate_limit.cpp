#include "proxy/telemetry/rate_limit.h"

#include <utility>

namespace slotless::log {

std::optional<std::uint64_t> RateLimit::admit(Clock::time_point now) noexcept {
  const std::lock_guard guard(mutex_);
  // Workers cache the time of their loop turn, so `now` may lie before the window's start: it belongs to the
  // window.
  if (!windowStart_ || now - *windowStart_ >= std::chrono::seconds(1)) {
    windowStart_ = now;
    passedInWindow_ = 0;
  }
  if (passedInWindow_ >= eventsPerSecond_) {
    ++suppressed_;
    return std::nullopt;
  }
  ++passedInWindow_;
  return std::exchange(suppressed_, 0);
}

}  // namespace slotless::log
