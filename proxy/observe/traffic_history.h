// Throughput, errors and latency of the last quarter of an hour, a point for each step.
//
// Belongs to whoever has it; no locks. Units as their names say; rates are per second.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>

#include "proxy/observe/flow.h"
#include "proxy/observe/sample.h"

namespace slotless::observe {

inline constexpr std::chrono::milliseconds kTrafficStep{2000};

struct TrafficPoint : Flow {
  std::int64_t unixMillis = 0;  // its end
  std::int64_t clients = 0;
  std::int64_t inFlight = 0;
  std::int64_t held = 0;
  std::uint64_t ambiguous = 0;  // in this step
  std::uint64_t retries = 0;    // the same
  std::uint64_t redirects = 0;  // the same
};

TrafficPoint pointBetween(const Sample& before, const Sample& after);

class TrafficHistory {
 public:
  static constexpr std::size_t kMost = std::chrono::minutes(15) / kTrafficStep;

  void add(const TrafficPoint& point) {
    if (points_.size() == kMost) points_.pop_front();
    points_.push_back(point);
  }
  const std::deque<TrafficPoint>& points() const noexcept { return points_; }  // the oldest first

 private:
  std::deque<TrafficPoint> points_;
};

}  // namespace slotless::observe
