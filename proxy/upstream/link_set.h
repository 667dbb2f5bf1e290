// All connections that one worker has to the nodes as one of their users: shared links by kind and protocol,
// and leases.
//
// Every pool keeps its own protocol and kind when the settings change. Ownership: the set owns its pools,
// these their links. Nothing may be open on it when it is destroyed, but for what nobody waits for.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/telemetry/denials.h"
#include "proxy/upstream/lease_pool.h"
#include "proxy/upstream/link_pool.h"

namespace slotless::upstream {

enum class LinkKind : std::uint8_t {
  Plain,
  Bulk,      // of clients whose values are large
  Replicas,  // READONLY: for reads from replicas
};
std::string_view nameOf(LinkKind kind) noexcept;

class LinkSet {
 public:
  // `open`: what is opened ahead is links of RESP2 to masters.
  // `denials`: what nodes deny to this user; outlive the set.
  LinkSet(LinkHost& host, const LinkSettings& settings, telemetry::WorkerMetrics& metrics,
          LeaseBudgets& budgets, telemetry::Denials& denials, OpenLinks open);
  LinkSet(const LinkSet&) = delete;
  LinkSet& operator=(const LinkSet&) = delete;

  LinkPool& shared(int protocol, bool bulk = false) noexcept {
    return pools_[(bulk ? 2U : 0U) + (protocol >= 3 ? 1U : 0U)];
  }
  LinkPool& replicas(int protocol) noexcept { return pools_[protocol >= 3 ? 5 : 4]; }
  LeasePool& leases() noexcept { return leases_; }
  telemetry::Denials& denials() const noexcept { return denials_; }

  // `visit(LinkPool&)`.
  template <typename Visit>
  void forEachPool(Visit visit) {
    for (LinkPool& pool : pools_) visit(pool);
  }
  // `visit(const Link&, std::string_view use)`, as PROXY LINKS shows them.
  template <typename Visit>
  void forEachLink(Visit visit) const {
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      const std::string_view use = nameOf(static_cast<LinkKind>(i / 2));
      pools_[i].forEachLink([&](const Link& link) { visit(link, use); });
    }
    leases_.forEachLease(visit);
  }

  void setTopology(const cluster::TopologyPtr& topology);
  // As LinkPool's; the kinds and protocols stay.
  void setSettings(const LinkSettings& settings);
  void keepLogins();
  void sweep();
  // All connections are closed by sweep() when nothing is open on them any more.
  void dismiss();
  bool empty() const noexcept;
  // Some shared link to a master is up.
  bool anyUp() const;
  // Now and then, see LinkPool and LeasePool.
  void checkReplyTimeouts(net::TimePoint now);
  void tend(bool wasHere);
  void tidy();
  // The longest silence of a node that somebody waits for on a shared link.
  net::TimePoint::duration silence() const noexcept;
  std::size_t bytesOpen() const noexcept;

 private:
  std::array<LinkPool, 6> pools_;  // by LinkKind, and by protocol within that
  LeasePool leases_;
  telemetry::Denials& denials_;
};

}  // namespace slotless::upstream
