// A rate of so many a second, after a second's worth at once, for all threads together.
//
// A request that comes too early is told when its turn is, and nobody else has that turn: no waiter has to
// compete. One atomic number and no lock. Source: the generic cell rate algorithm (ITU-T I.371).
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace slotless::access {

class TokenBucket {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  enum class Late : std::uint8_t { Wait, Refuse };

  // When what takes so many tokens may be done; not before `now`. `Refuse`: if that is later, nothing is
  // taken. What is larger than the bucket passes as soon as there is a token, and the others wait for it.
  TimePoint take(TimePoint now, std::uint64_t tokens, std::uint64_t perSecond, Late late) noexcept {
    const std::int64_t present = nanosOf(now);
    std::int64_t spent = spent_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t from = std::max(spent, present);
      const std::int64_t due = std::max(present, from - kSecond + nanosFor(1, perSecond));
      if (tokens == 0 || (late == Late::Refuse && due > present)) return pointOf(due);
      if (spent_.compare_exchange_weak(spent, from + nanosFor(tokens, perSecond), std::memory_order_relaxed))
        return pointOf(due);
    }
  }
  // It is full.
  bool atRest(TimePoint now) const noexcept { return spent_.load(std::memory_order_relaxed) <= nanosOf(now); }

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;
  // Nobody waits longer than that, whatever has been used.
  static constexpr double kMostNanos = 3600e9;

  static std::int64_t nanosFor(std::uint64_t tokens, std::uint64_t perSecond) noexcept {
    const double nanos =
        static_cast<double>(tokens) * 1e9 / static_cast<double>(std::max<std::uint64_t>(perSecond, 1));
    return static_cast<std::int64_t>(std::min(nanos, kMostNanos));
  }
  static std::int64_t nanosOf(TimePoint point) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(point.time_since_epoch()).count();
  }
  static TimePoint pointOf(std::int64_t nanos) noexcept {
    return TimePoint(std::chrono::duration_cast<TimePoint::duration>(std::chrono::nanoseconds(nanos)));
  }

  std::atomic<std::int64_t> spent_{0};  // until when all tokens are spent, as nanoseconds of the clock
};

}  // namespace slotless::access
