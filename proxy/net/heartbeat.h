// Whether a loop turns: it beats by a timer, and any thread may look when it did last.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proxy/net/loop.h"

namespace slotless::net {

class Heartbeat {
 public:
  static constexpr Millis kInterval{500};

  // Begins to beat. `name`: of the loop, for whoever is told that it is stuck.
  Heartbeat(Loop& loop, std::string name);

  const std::string& name() const noexcept { return name_; }
  TimePoint last() const noexcept { return TimePoint(TimePoint::duration(last_.load())); }

 private:
  void beat();

  Loop& loop_;
  const std::string name_;
  std::atomic<TimePoint::rep> last_{0};
  std::unique_ptr<Timer> timer_;
};

// Which of them have not beaten for longer than `patience`, as a text; nullopt: all have.
std::optional<std::string> stuckLoops(std::span<const Heartbeat* const> beats, TimePoint now,
                                      Millis patience);

}  // namespace slotless::net
