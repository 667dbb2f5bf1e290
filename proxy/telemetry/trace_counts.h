// What has become of the spans of sampled requests (trace-endpoint), counted for the process.
//
// Thread-safe.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slotless::telemetry {

// Why a span has not come to the collector.
enum class TraceDrop : std::uint8_t {
  Full,         // too many wait already
  Rate,         // clients ask for more than a worker traces
  Unreachable,  // the collector has not taken it in time
  Refused,      // … or does not take the batch that it was in
  Rejected,     // it has taken the batch, but not this one
  Ended,        // nothing is sent any more: the process ends, or trace-endpoint is another one
};
inline constexpr std::size_t kTraceDrops = 6;

// Why a batch has not been taken.
enum class TraceFailure : std::uint8_t {
  Unreachable,  // no connection, or it was lost
  TimeOut,      // no answer
  Busy,         // 429, 502, 503 or 504: it is sent again
  Refused,      // any other status
  Nonsense,     // what came is no HTTP
};
inline constexpr std::size_t kTraceFailures = 5;

std::string_view nameOf(TraceDrop reason) noexcept;
std::string_view nameOf(TraceFailure reason) noexcept;

class TraceCounts {
 public:
  static TraceCounts& ofProcess();

  // Of spans.
  void addExported(std::size_t spans) noexcept { exported_.fetch_add(spans, std::memory_order_relaxed); }
  void addDropped(TraceDrop reason, std::size_t spans) noexcept {
    dropped_[static_cast<std::size_t>(reason)].fetch_add(spans, std::memory_order_relaxed);
  }
  void setWaiting(std::size_t spans) noexcept { waiting_.store(spans, std::memory_order_relaxed); }
  // Of batches.
  void addFailure(TraceFailure reason) noexcept {
    failures_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  }

  std::uint64_t exported() const noexcept { return exported_.load(std::memory_order_relaxed); }
  std::uint64_t dropped(TraceDrop reason) const noexcept {
    return dropped_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }
  std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  std::uint64_t failures(TraceFailure reason) const noexcept {
    return failures_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }
  // There has been something to count: the rest of the time the page does without these numbers.
  bool any() const noexcept;

 private:
  std::atomic<std::uint64_t> exported_{0};
  std::array<std::atomic<std::uint64_t>, kTraceDrops> dropped_{};
  std::array<std::atomic<std::uint64_t>, kTraceFailures> failures_{};
  std::atomic<std::size_t> waiting_{0};
};

}  // namespace slotless::telemetry
