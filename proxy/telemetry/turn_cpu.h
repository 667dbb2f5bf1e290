// How much of a turn's length its thread has run for: without the time in which the system let others run.
//
// The clock of a thread is a system call. So it is read at the end of a turn that was long, or when it has
// not been read for kPause: what is told of a long turn is at most that much too long. A short one counts as
// it is.
#pragma once
#include <algorithm>
#include <chrono>

namespace slotless::telemetry {

class TurnCpu {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Micros = std::chrono::microseconds;
  static constexpr Micros kPause{2000};

  // Of the turn that has ended just now. `readCpu()`: the thread's processor time so far.
  template <typename ReadCpu>
  Micros of(Micros length, TimePoint end, ReadCpu readCpu) {
    const bool isLong = length >= kPause;
    if (!isLong && end - readAt_ < kPause) return length;
    const bool wasRead = readAt_ != TimePoint{};
    const Micros before = cpu_;
    cpu_ = readCpu();
    readAt_ = end;
    return isLong && wasRead ? std::min(length, cpu_ - before) : length;
  }

 private:
  TimePoint readAt_{};
  Micros cpu_{};  // then
};

}  // namespace slotless::telemetry
