// The keys that are used most, in constant memory, as of about the last minute.
//
// Space-Saving (Metwally, Agrawal, El Abbadi, 2005) over counts that decay: they lose 1 - 1/e in a minute. A
// key with more than 1/kCounters of all uses has a counter. `uses` of a counter is never less than what was
// added for its key, and at most `excess` more, which is at most 1/kCounters of all uses.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace slotless::telemetry {

struct KeyUse {
  std::uint32_t database = 0;
  std::uint16_t slot = 0;
  std::string_view key;  // as the clients of the database know it
  bool writes = false;
  // Of requests that were not looked at this one stands for so many.
  double weight = 1;
  double bytes = 0;  // of them all
};

class KeySketch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kCounters = 128;
  // Of a longer key only the beginning is kept; keys are told from each other by more.
  static constexpr std::size_t kLongestName = 128;

  struct Counter {
    std::uint64_t identity = 0;
    std::uint32_t database = 0;
    std::uint16_t slot = 0;
    std::uint64_t keyBytes = 0;
    std::string name;
    double uses = 0;
    double excess = 0;
    double writes = 0;
    double bytes = 0;
  };

  void add(const KeyUse& use, TimePoint now);
  void clear(TimePoint now);

  // Brings what is counted up to now.
  void decay(TimePoint now);
  double total() const noexcept { return total_; }
  // By so many seconds uses become uses per second.
  double seconds(TimePoint now) const noexcept;
  // Only those in use.
  template <typename Visit>
  void forEach(Visit visit) const {
    for (std::size_t i = 0; i < used_; ++i) visit(counters_[i]);
  }

 private:
  Counter& counterFor(std::uint64_t identity, const KeyUse& use);

  std::array<Counter, kCounters> counters_;
  // Of counters_, beside each other, since each use looks through them.
  std::array<std::uint64_t, kCounters> identities_{};
  std::size_t used_ = 0;
  double total_ = 0;
  TimePoint since_{};
  TimePoint decayed_{};
};

}  // namespace slotless::telemetry
