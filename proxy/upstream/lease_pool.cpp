#include "proxy/upstream/lease_pool.h"

#include <algorithm>

namespace slotless::upstream {

namespace {

struct Use {
  std::string_view name;
  telemetry::Gauge telemetry::WorkerMetrics::*gauge;
};
// In the order of LeaseUse.
constexpr std::array<Use, kLeaseUseCount> kUses = {{
    {"transaction-lease", &telemetry::WorkerMetrics::transactionLeases},
    {"blocking-lease", &telemetry::WorkerMetrics::blockingLeases},
    {"tracking-lease", &telemetry::WorkerMetrics::trackingLeases},
    {"lone-lease", &telemetry::WorkerMetrics::loneLeases},
}};

}  // namespace

bool LeaseBudgets::take(LeaseUse use) {
  if (!hasRoom(use)) {
    metrics_.limits[static_cast<std::size_t>(telemetry::Limit::Leases)].add();
    return false;
  }
  ++inUse_[static_cast<std::size_t>(use)];
  publish(use);
  return true;
}

void LeaseBudgets::giveBack(LeaseUse use) {
  --inUse_[static_cast<std::size_t>(use)];
  publish(use);
}

void LeaseBudgets::publish(LeaseUse use) {
  (metrics_.*kUses[static_cast<std::size_t>(use)].gauge).set(static_cast<std::int64_t>(inUse(use)));
}

LeasePool::LeasePool(LinkHost& host, const LinkSettings& settings, telemetry::WorkerMetrics& metrics,
                     LeaseBudgets& budgets)
    : host_(host), metrics_(metrics), budgets_(budgets) {
  setSettings(settings);
}

LeasePool::~LeasePool() {
  for (const Lease& lease : leases_) {
    if (lease.taken) budgets_.giveBack(lease.use);
  }
}

Link* LeasePool::acquire(const net::Address& node, int protocol, LeaseUse use) {
  if (!budgets_.take(use)) return nullptr;
  for (Lease& lease : leases_) {
    if (lease.taken || lease.closing || lease.link->dead() || lease.link->inFlight() > 0) continue;
    if (lease.link->node() != node || lease.link->protocol() != protocol) continue;
    lease.taken = true;
    lease.use = use;
    lease.link->keepLogin();  // who takes turns on it leaves no time in between
    return lease.link.get();
  }
  Lease lease;
  lease.link = std::make_unique<Link>(host_, settings_[static_cast<std::size_t>(protocol - 2)], node,
                                      metrics_.addNode(node.text()));
  lease.use = use;
  lease.taken = true;
  Link* link = lease.link.get();
  leases_.push_back(std::move(lease));
  link->open();
  return link;
}

void LeasePool::release(Link& link, bool clean) {
  const auto found =
      std::find_if(leases_.begin(), leases_.end(), [&](const Lease& l) { return l.link.get() == &link; });
  if (found == leases_.end() || !found->taken) return;
  found->taken = false;
  found->since = host_.now;
  link.setHolder(nullptr);
  budgets_.giveBack(found->use);
  const auto idle = static_cast<std::size_t>(
      std::count_if(leases_.begin(), leases_.end(), [](const Lease& l) { return !l.taken && !l.closing; }));
  if (!clean || !link.ready() || idle > kMaxIdle) found->closing = true;
}

void LeasePool::setTopology(const cluster::Topology& topology) {
  for (Lease& lease : leases_) {
    if (lease.link->retired() && topology.ownsSlots(lease.link->node())) lease.link->trustAgain();
    if (topology.isMaster(lease.link->node())) continue;
    lease.link->retire();
    lease.closing = true;
  }
}

void LeasePool::setSettings(LinkSettings settings) {
  settings.role = LinkRole::Lease;
  for (const int protocol : {2, 3}) {
    settings.protocol = protocol;
    settings_[static_cast<std::size_t>(protocol - 2)] = settings;
  }
}

void LeasePool::keepLogins() {
  for (const Lease& lease : leases_) lease.link->keepLogin();
}

net::TimePoint::duration LeasePool::silence() const noexcept {
  net::TimePoint::duration longest{};
  for (const Lease& lease : leases_) longest = std::max(longest, lease.link->silence());
  return longest;
}

std::size_t LeasePool::bytesOpen() const noexcept {
  std::size_t bytes = 0;
  for (const Lease& lease : leases_) bytes += lease.link->bytesOpen();
  return bytes;
}

void LeasePool::tend(bool mayJudge) {
  auto probed = static_cast<std::size_t>(
      std::count_if(leases_.begin(), leases_.end(), [](const Lease& l) { return l.link->probing(); }));
  // By number: who is told of a loss may acquire another one.
  for (std::size_t i = 0; i < leases_.size(); ++i) {
    Lease& lease = leases_[i];
    Link& link = *lease.link;
    const net::Millis patience = settings_.front().idleTimeout;
    if (!lease.taken && patience.count() > 0 && host_.now - lease.since >= patience) lease.closing = true;
    link.keepLogin();
    if (lease.closing || (lease.use == LeaseUse::Blocking && link.inFlight() > 0)) continue;
    const bool was = link.probing();
    link.tend(false, mayJudge && (was || probed < kMaxProbed));
    if (!was && link.probing()) ++probed;
  }
}

void LeasePool::sweep() {
  std::erase_if(leases_, [this](Lease& lease) {
    // Often released inside the callback of its last reply: only now is it sure that nothing is open on it.
    if (lease.taken || !(lease.closing || lease.link->dead() || lease.link->inFlight() > 0)) return false;
    lease.link->close();
    metrics_.dropNode(lease.link->metrics());
    return true;
  });
}

void LeasePool::dismiss() noexcept {
  for (Lease& lease : leases_) lease.closing = true;
}

std::string_view LeasePool::nameOf(LeaseUse use) noexcept {
  return kUses[static_cast<std::size_t>(use)].name;
}

}  // namespace slotless::upstream
