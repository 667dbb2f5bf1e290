// What has become of the reads that are asked again on both sides (shadow-sample), counted for the process.
//
// Thread-safe. By command there are as many counts as there are commands that servers know.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace slotless::telemetry {

enum class ShadowOutcome : std::uint8_t {
  Equal,
  Different,   // still so after a moment, while neither side has changed its reply
  Changing,    // different, but the key is being written
  Unanswered,  // a side has refused it, or its reply is large
};
inline constexpr std::size_t kShadowOutcomes = 4;

// Why nothing was compared.
enum class ShadowDrop : std::uint8_t {
  Full,         // too many wait already
  Large,        // the request
  Crosses,      // its keys are in several slots of the cluster
  Reserved,     // a side keeps that name for itself
  Unreachable,  // a side does not answer
};
inline constexpr std::size_t kShadowDrops = 5;

std::string_view nameOf(ShadowOutcome outcome) noexcept;
std::string_view nameOf(ShadowDrop reason) noexcept;

class ShadowCounts {
 public:
  using ByOutcome = std::array<std::uint64_t, kShadowOutcomes>;

  static ShadowCounts& ofProcess();

  void addSampled() noexcept { sampled_.fetch_add(1, std::memory_order_relaxed); }
  void addDropped(ShadowDrop reason) noexcept {
    dropped_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  }
  void add(std::string_view command, ShadowOutcome outcome);
  // How much waits to be asked. Bytes.
  void setWaiting(std::size_t bytes) noexcept { waiting_.store(bytes, std::memory_order_relaxed); }

  std::uint64_t sampled() const noexcept { return sampled_.load(std::memory_order_relaxed); }
  std::uint64_t dropped(ShadowDrop reason) const noexcept {
    return dropped_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }
  std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  // By command.
  std::map<std::string, ByOutcome, std::less<>> all() const;

 private:
  std::atomic<std::uint64_t> sampled_{0};
  std::array<std::atomic<std::uint64_t>, kShadowDrops> dropped_{};
  std::atomic<std::size_t> waiting_{0};
  mutable std::mutex mutex_;
  std::map<std::string, ByOutcome, std::less<>> outcomes_;
};

}  // namespace slotless::telemetry
