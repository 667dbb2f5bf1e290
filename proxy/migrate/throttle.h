// How much is asked of the source at a time, so that its other clients hardly notice.
//
// A pulse measures how long it takes to answer. Over the limit the share is halved and whoever asks for one
// waits a little; below it the share grows again. Thread-safe.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace slotless::migrate {

class Throttle {
 public:
  static constexpr std::size_t kLeast = 8;
  static constexpr std::size_t kMost = 512;

  // 0: no limit.
  explicit Throttle(std::chrono::milliseconds limit) : limit_(limit) {}

  void measured(std::chrono::microseconds latency) noexcept {
    latency_ = latency.count();
    const bool over = limit_.count() > 0 && latency > limit_;
    over_ = over;
    const std::size_t now = share_;
    share_ = over ? std::max(now / 2, kLeast) : std::min(now + now / 8 + 1, kMost);
  }
  // Keys for one batch.
  std::size_t share() const noexcept { return share_; }
  // How long to wait before it.
  std::chrono::milliseconds pause() const noexcept {
    return over_ ? std::min(limit_, std::chrono::milliseconds(20)) : std::chrono::milliseconds(0);
  }
  std::chrono::microseconds latency() const noexcept { return std::chrono::microseconds(latency_); }

 private:
  const std::chrono::milliseconds limit_;
  std::atomic<std::size_t> share_{64};
  std::atomic<std::int64_t> latency_{0};
  std::atomic<bool> over_{false};
};

}  // namespace slotless::migrate
