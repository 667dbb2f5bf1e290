// Connections that belong to one client at a time: for WATCH, for commands that block, for CLIENT TRACKING.
//
// Budgets are per worker and use, so that blocked consumers cannot starve transactions; pools share them. A
// lease that comes back clean (nothing open on it, no state left in the node) waits for the next client; any
// other is closed. Ownership: the pool owns all leases; they are destroyed only in sweep(), never inside one
// of their own callbacks.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/link.h"

namespace slotless::upstream {

// Alone: one request that is suspected of breaking its connection.
enum class LeaseUse : std::uint8_t { Transaction, Blocking, Tracking, Alone, Count };
inline constexpr std::size_t kLeaseUseCount = static_cast<std::size_t>(LeaseUse::Count);

// How many leases one worker may have for each use, and has: of all its pools together.
class LeaseBudgets {
 public:
  using Counts = std::array<std::size_t, kLeaseUseCount>;

  LeaseBudgets(Counts limits, telemetry::WorkerMetrics& metrics) : limits_(limits), metrics_(metrics) {}
  void setLimits(Counts limits) noexcept { limits_ = limits; }
  bool hasRoom(LeaseUse use, std::size_t leases = 1) const noexcept {
    return inUse(use) + leases <= limits_[static_cast<std::size_t>(use)];
  }
  std::size_t inUse(LeaseUse use) const noexcept { return inUse_[static_cast<std::size_t>(use)]; }
  // False: the budget is spent.
  bool take(LeaseUse use);
  void giveBack(LeaseUse use);

 private:
  void publish(LeaseUse use);

  Counts limits_;
  Counts inUse_{};
  telemetry::WorkerMetrics& metrics_;
};

class LeasePool {
 public:
  LeasePool(LinkHost& host, const LinkSettings& settings, telemetry::WorkerMetrics& metrics,
            LeaseBudgets& budgets);
  ~LeasePool();

  // nullptr: the budget for this use is spent. The link may still be connecting.
  Link* acquire(const net::Address& node, int protocol, LeaseUse use);
  // `clean`: nothing is open on it and the node remembers nothing of its client.
  void release(Link& link, bool clean);
  // Leases to nodes that are no longer masters lend themselves to nothing new.
  void setTopology(const cluster::Topology& topology);
  // May another one be acquired for this use?
  bool hasRoom(LeaseUse use, std::size_t leases = 1) const noexcept { return budgets_.hasRoom(use, leases); }
  // Calls `visit(const Link&, std::string_view use)` for each lease; idle ones are an "idle-lease".
  template <typename Visit>
  void forEachLease(Visit visit) const {
    for (const Lease& lease : taken_) visit(*lease.link, nameOf(lease.use));
    for (const Lease& lease : free_) visit(*lease.link, std::string_view("idle-lease"));
  }
  // Counts from the next lease and connection on.
  void setSettings(LinkSettings settings);
  // After setSettings(), where the credentials have changed: Link::keepLogin() for all leases.
  void keepLogins();
  // The longest silence of a node that somebody waits for; those who block may be waiting for something else.
  net::TimePoint::duration silence() const noexcept;
  // Bytes that wait on all leases for their replies.
  std::size_t bytesOpen() const noexcept;
  // Now and then: idle ones are tried, or closed after idleTimeout, and those that say nothing for long are
  // probed (Link::tend()); but not those on which somebody blocks.
  void tend(bool mayJudge);
  // Those that are not taken are destroyed by sweep().
  void dismiss() noexcept;
  bool empty() const noexcept { return taken_.empty() && free_.empty(); }
  // Once per turn: destroys leases that are lost or were not clean. Looks at those only that are not taken.
  void sweep();

 private:
  struct Lease {
    std::unique_ptr<Link> link;
    LeaseUse use = LeaseUse::Transaction;
    bool closing = false;    // not for the next client
    net::TimePoint since{};  // when it was given back
  };
  // Idle leases beyond this many per worker are closed.
  static constexpr std::size_t kMaxIdle = 16;
  // Each probe is a connection of its own.
  static constexpr std::size_t kMaxProbed = 8;

  static std::string_view nameOf(LeaseUse use) noexcept;

  template <typename Visit>
  void forEach(Visit visit) const {
    for (const Lease& lease : taken_) visit(lease);
    for (const Lease& lease : free_) visit(lease);
  }
  void take(Lease lease, LeaseUse use);
  void tend(Lease& lease, bool isTaken, bool mayJudge, std::size_t& probed);

  LinkHost& host_;
  // Settings by protocol; links refer to them.
  std::array<LinkSettings, 2> settings_;
  telemetry::WorkerMetrics& metrics_;
  LeaseBudgets& budgets_;
  // Thousands may be taken, which nobody goes through while clients are served; few are free.
  std::vector<Lease> taken_;
  std::unordered_map<const Link*, std::size_t> places_;  // in taken_
  std::vector<Lease> free_;
};

}  // namespace slotless::upstream
