// What the clients of one address, or of one user, have together: how many they are, what they have asked
// for, and how often they have failed to log in.
//
// Thread-safe. A client finds its budgets when it connects and when it logs in, under a lock, and holds them
// from then on; what is counted with requests is atomic.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "config/network.h"
#include "proxy/access/login_failures.h"
#include "proxy/access/token_bucket.h"

namespace slotless::access {

struct Budget {
  std::atomic<std::uint64_t> clients{0};
  std::atomic<std::uint64_t> inFlight{0};
  std::atomic<bool> awaited{false};  // somebody waits until fewer requests are in flight
  TokenBucket accepts;
  TokenBucket requests;
  TokenBucket bytes;

  // One client more, unless there are as many as may be; 0: any number.
  bool join(std::uint64_t most) noexcept { return add(clients, 1, most); }
  void leave() noexcept { clients.fetch_sub(1, std::memory_order_relaxed); }
  // The same of requests in flight.
  bool begin(std::uint64_t requestsMore, std::uint64_t most) noexcept {
    return add(inFlight, requestsMore, most);
  }
  void end(std::uint64_t requestsLess) noexcept { inFlight.fetch_sub(requestsLess); }
  bool atRest(TokenBucket::TimePoint now) const noexcept {
    return clients.load(std::memory_order_relaxed) == 0 && accepts.atRest(now) && requests.atRest(now) &&
           bytes.atRest(now);
  }

 private:
  static bool add(std::atomic<std::uint64_t>& count, std::uint64_t more, std::uint64_t most) noexcept {
    std::uint64_t before = count.load();
    do {
      if (most > 0 && before + more > most) return false;
    } while (!count.compare_exchange_weak(before, before + more));
    return true;
  }
};

using BudgetPtr = std::shared_ptr<Budget>;

class Budgets {
 public:
  using TimePoint = TokenBucket::TimePoint;

  // nullptr: the host is no address (a Unix socket).
  BudgetPtr ofAddress(std::string_view host, TimePoint now);
  BudgetPtr ofUser(std::string_view name, TimePoint now);
  LoginFailures& loginFailures() noexcept { return loginFailures_; }
  // How many addresses and users are kept.
  std::size_t size() const;

 private:
  // Those that nobody uses are forgotten when they are full again.
  template <typename Map>
  static void sweep(Map& map, std::size_t& next, TimePoint now);
  template <typename Map, typename Key>
  static BudgetPtr find(Map& map, std::size_t& next, const Key& key, TimePoint now);

  static constexpr std::size_t kFirstSweep = 1024;

  mutable std::mutex mutex_;
  std::map<config::IpBytes, BudgetPtr> addresses_;
  std::map<std::string, BudgetPtr, std::less<>> users_;
  std::size_t nextAddressSweep_ = kFirstSweep;
  std::size_t nextUserSweep_ = kFirstSweep;
  LoginFailures loginFailures_;
};

}  // namespace slotless::access
