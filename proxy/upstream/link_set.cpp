#include "proxy/upstream/link_set.h"

#include <algorithm>

namespace slotless::upstream {

std::string_view nameOf(LinkKind kind) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"shared", "bulk", "replica"};
  return kNames[static_cast<std::size_t>(kind)];
}

LinkSet::LinkSet(LinkHost& host, const LinkSettings& settings, telemetry::WorkerMetrics& metrics,
                 LeaseBudgets& budgets, telemetry::Denials& denials, OpenLinks open)
    : pools_{{{host, settings.of(2, false), metrics, open},
              {host, settings.of(3, false), metrics, OpenLinks::OnDemand},
              {host, settings.of(2, false), metrics, OpenLinks::OnDemand},
              {host, settings.of(3, false), metrics, OpenLinks::OnDemand},
              {host, settings.of(2, true), metrics, OpenLinks::OnDemand},
              {host, settings.of(3, true), metrics, OpenLinks::OnDemand}}},
      leases_(host, settings, metrics, budgets),
      denials_(denials) {}

void LinkSet::setTopology(const cluster::TopologyPtr& topology) {
  for (LinkPool& pool : pools_) pool.setTopology(topology);
  leases_.setTopology(*topology);
}

void LinkSet::setSettings(const LinkSettings& settings) {
  for (LinkPool& pool : pools_) pool.setSettings(settings);
  leases_.setSettings(settings);
}

void LinkSet::keepLogins() {
  for (LinkPool& pool : pools_) pool.keepLogins();
  leases_.keepLogins();
}

void LinkSet::sweep() {
  for (LinkPool& pool : pools_) pool.sweep();
  leases_.sweep();
}

void LinkSet::dismiss() {
  for (LinkPool& pool : pools_) pool.dismiss();
  leases_.dismiss();
}

bool LinkSet::empty() const noexcept {
  return leases_.empty() &&
         std::all_of(pools_.begin(), pools_.end(), [](const auto& p) { return p.empty(); });
}

bool LinkSet::anyUp() const {
  bool any = false;
  forEachLink([&any](const Link& link, std::string_view) { any = any || link.up(); });
  return any;
}

void LinkSet::checkReplyTimeouts(net::TimePoint now) {
  for (LinkPool& pool : pools_) pool.checkReplyTimeouts(now);
}

void LinkSet::tend(bool wasHere) {
  for (LinkPool& pool : pools_) pool.tend(wasHere);
  leases_.tend(wasHere);
}

void LinkSet::tidy() {
  for (LinkPool& pool : pools_) {
    pool.shrink();
    pool.closeStrays();
  }
}

net::TimePoint::duration LinkSet::silence() const noexcept {
  net::TimePoint::duration longest{};
  for (const LinkPool& pool : pools_) longest = std::max(longest, pool.silence());
  return longest;
}

std::size_t LinkSet::bytesOpen() const noexcept {
  std::size_t bytes = leases_.bytesOpen();
  for (const LinkPool& pool : pools_) bytes += pool.bytesOpen();
  return bytes;
}

}  // namespace slotless::upstream
