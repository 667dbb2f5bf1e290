// How fast a process may make connections to one node: so many a second, after as many at once.
//
// After a failover each client that waits wants a connection of its own to the new master at the same moment,
// and a node that has just been promoted has better things to do. Those that come too fast get their turn
// later, each its own, with some jitter. Thread-safe: one for the whole process; a connection costs more than
// the lock. Source: the generic cell rate algorithm (ITU-T I.371).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "proxy/net/loop.h"

namespace slotless::upstream {

class DialRate {
 public:
  // When the connection that is wanted now may be begun: so long from now. It counts in any case.
  // `perSecond`: 0: no limit. `atOnce`: it does not wait for those that want the same, and these for it.
  // `random(bound)`: a number in [0, bound).
  template <typename Random>
  net::Millis turn(const net::Address& node, std::uint64_t perSecond, bool atOnce, net::TimePoint now,
                   Random random) {
    if (perSecond == 0) return net::Millis{0};
    const net::Millis wait = take(node, perSecond, now);
    if (atOnce || wait.count() == 0) return net::Millis{0};
    return wait + net::Millis(random(static_cast<std::uint32_t>(wait.count() / 4 + 1)));
  }

 private:
  net::Millis take(const net::Address& node, std::uint64_t perSecond, net::TimePoint now) {
    constexpr std::size_t kManyNodes = 64;
    const std::lock_guard guard(mutex_);
    if (due_.size() > kManyNodes) std::erase_if(due_, [now](const auto& each) { return each.second < now; });
    net::TimePoint& due = due_[node];
    due = std::max(due, now);
    // A whole second's worth goes at once.
    const auto wait =
        std::max(net::TimePoint::duration{0}, due - now - std::chrono::seconds(1) + step(perSecond));
    due += step(perSecond);
    return std::chrono::ceil<net::Millis>(wait);
  }
  static net::TimePoint::duration step(std::uint64_t perSecond) noexcept {
    return std::chrono::duration_cast<net::TimePoint::duration>(std::chrono::seconds(1)) /
           static_cast<std::int64_t>(perSecond);
  }

  std::mutex mutex_;
  // When a node's next connection would come if they came evenly.
  std::map<net::Address, net::TimePoint> due_;
};

}  // namespace slotless::upstream
