// The near ends of the connections that this process has made, to tell what it says to a node itself from
// what others say there (MONITOR).
//
// Process-wide and safe on any thread; touched when connections come and go, and by whoever watches nodes. An
// end is remembered for a while after its connection is gone: what a node reports of it may still be on its
// way.
#pragma once
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace slotless::net {

class OwnConnections {
 public:
  using Clock = std::chrono::steady_clock;

  static OwnConnections& ofProcess();

  // `end`: "host:port", as Address::text().
  void add(const std::string& end);
  void remove(const std::string& end, Clock::time_point now = Clock::now());
  bool contains(std::string_view end) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  static constexpr std::chrono::seconds kRemembered{10};

  mutable std::mutex mutex_;
  std::unordered_map<std::string, int, Hash, std::equal_to<>> ends_;  // and how often each is counted
  std::deque<std::pair<Clock::time_point, std::string>> gone_;
};

// One such end, as long as this lives.
class OwnEnd {
 public:
  explicit OwnEnd(std::string end);
  ~OwnEnd();
  OwnEnd(const OwnEnd&) = delete;
  OwnEnd& operator=(const OwnEnd&) = delete;

 private:
  const std::string end_;
};

}  // namespace slotless::net
