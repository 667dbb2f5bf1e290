// What took long on one worker, as LATENCY shows it: of each kind of event the worst of each second, the
// newest kMostSamples of them, and the worst since the last reset.
//
// Units: milliseconds, as in Redis. The threshold is latency-monitor-threshold of the configuration, until
// CONFIG SET says otherwise; 0: nothing is kept. Source of the semantics:
// redis.io/docs/management/optimization/latency-monitor.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/net/loop.h"

namespace slotless::session {

enum class LatencyKind : std::uint8_t {
  Command,      // from a request's arrival to the end of its reply
  FastCommand,  // the same, of commands that COMMAND flags as fast
  Upstream,     // from sending a request to a node to the end of its reply
  EventLoop,    // one turn of a worker's loop: all its clients have waited
  Count
};
inline constexpr std::size_t kLatencyKinds = static_cast<std::size_t>(LatencyKind::Count);

// As in LATENCY LATEST; and where to look then.
std::string_view latencyName(LatencyKind kind) noexcept;
std::string_view latencyAdvice(LatencyKind kind) noexcept;
std::optional<LatencyKind> latencyKind(std::string_view name) noexcept;

struct LatencySample {
  std::int64_t unixTime = 0;
  std::int64_t millis = 0;

  bool operator==(const LatencySample&) const = default;
};

struct LatencySeries {
  std::vector<LatencySample> samples;  // the oldest first, one per second
  std::int64_t worst = 0;
};
using AllLatencySeries = std::array<LatencySeries, kLatencyKinds>;

// What several workers have seen of one kind.
LatencySeries mergeLatency(std::span<const AllLatencySeries> parts, LatencyKind kind);

class LatencyEvents {
 public:
  static constexpr std::size_t kMostSamples = 160;

  explicit LatencyEvents(const config::Config& config) : config_(config) {}

  bool isLong(net::Micros duration) const noexcept {
    const auto limit = threshold();
    return limit.count() > 0 && duration >= limit;
  }
  void note(LatencyKind kind, net::Micros duration) {
    if (isLong(duration)) add(kind, std::chrono::duration_cast<net::Millis>(duration).count());
  }
  const AllLatencySeries& all() const noexcept { return series_; }
  // False: there was nothing.
  bool clear(LatencyKind kind);

  net::Millis threshold() const noexcept {
    return threshold_.count() < 0 ? config_.latencyMonitorThreshold : threshold_;
  }
  // What CONFIG SET says from now on.
  void setThreshold(net::Millis threshold) noexcept { threshold_ = threshold; }

 private:
  void add(LatencyKind kind, std::int64_t millis);

  const config::Config& config_;
  net::Millis threshold_{-1};  // negative: as configured
  AllLatencySeries series_;
};

}  // namespace slotless::session
