// Lets at most N events per second pass and counts the others: for a log line that a fault can repeat without
// end.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace slotless::log {

// One per call site, usually a `static`, hence thread-safe. A window of one second begins with the first
// event that falls into none. What was suppressed is told to the next event that passes; nothing happens by
// itself.
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RateLimit(std::uint32_t eventsPerSecond) noexcept : eventsPerSecond_(eventsPerSecond) {}

  // nullopt: suppress this event. Otherwise let it pass; the value is how many were suppressed since the last
  // that passed.
  std::optional<std::uint64_t> admit(Clock::time_point now) noexcept;

 private:
  const std::uint32_t eventsPerSecond_;
  std::mutex mutex_;
  std::optional<Clock::time_point> windowStart_;
  std::uint32_t passedInWindow_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace slotless::log
