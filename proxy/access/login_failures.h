// How many logins in a row have failed, by who is behind the address, over all workers.
//
// Thread-safe, by a lock; only whoever logs in takes it, and without failures nobody does. Bounded: forgotten
// after a minute without another one, and where there are too many, whose last one is the longest ago.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace slotless::access {

class LoginFailures {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kMost = 4096;
  static constexpr std::chrono::seconds kForgotten{60};

  // One more. How many there are by now.
  std::uint64_t note(std::string_view host, TimePoint now);
  // 0: none that counts.
  std::uint64_t count(std::string_view host, TimePoint now) const;
  // How many are kept.
  std::size_t size() const;

 private:
  struct Failures {
    std::string who;
    std::uint64_t count = 0;
    TimePoint last{};
  };
  using Order = std::list<Failures>;  // the last one first

  void forgetOldest();

  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> byWho_;
};

}  // namespace slotless::access
