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

// One that nobody holds: for the next client. Often it is released inside the callback of its last reply:
// only later is it sure that nothing is open on it.
template <typename Lease>
bool mayServe(const Lease& lease) noexcept {
  return !lease.closing && !lease.link->dead() && lease.link->inFlight() == 0;
}

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
  for (const Lease& lease : taken_) budgets_.giveBack(lease.use);
}

Link* LeasePool::acquire(const net::Address& node, int protocol, LeaseUse use) {
  if (!budgets_.take(use)) return nullptr;
  const auto found = std::find_if(free_.begin(), free_.end(), [&](const Lease& lease) {
    const Link& link = *lease.link;
    return mayServe(lease) && link.node() == node && link.protocol() == protocol;
  });
  if (found != free_.end()) {
    Link& link = *found->link;
    take(std::move(*found), use);
    free_.erase(found);
    link.keepLogin();  // who takes turns on it leaves no time in between
    return &link;
  }
  Lease lease;
  lease.link = std::make_unique<Link>(host_, settings_[static_cast<std::size_t>(protocol - 2)], node,
                                      metrics_.addNode(node.text()));
  Link& link = *lease.link;
  take(std::move(lease), use);
  link.open();
  return &link;
}

void LeasePool::take(Lease lease, LeaseUse use) {
  lease.use = use;
  places_[lease.link.get()] = taken_.size();
  taken_.push_back(std::move(lease));
}

void LeasePool::release(Link& link, bool clean) {
  const auto place = places_.find(&link);
  if (place == places_.end()) return;
  Lease lease = std::move(taken_[place->second]);
  if (place->second + 1 != taken_.size()) {
    taken_[place->second] = std::move(taken_.back());
    places_[taken_[place->second].link.get()] = place->second;
  }
  taken_.pop_back();
  places_.erase(place);
  link.setHolder(nullptr);
  budgets_.giveBack(lease.use);
  lease.since = host_.now;
  const auto idle = static_cast<std::size_t>(
      std::count_if(free_.begin(), free_.end(), [](const Lease& l) { return !l.closing; }));
  if (!clean || !link.ready() || idle >= kMaxIdle) lease.closing = true;
  free_.push_back(std::move(lease));
  // A node that ends closes its connections one after the other: a request that is repeated on the next one
  // would be taken for what breaks them. On a connection made anew the node has proved that it is there.
  const auto atNode = [&](const Lease& each) { return each.link->node() == link.node(); };
  const bool mayBeEnding = std::any_of(free_.begin(), free_.end(),
                                       [&](const Lease& each) { return each.link->dead() && atNode(each); });
  if (!mayBeEnding) return;
  for (Lease& each : free_) each.closing = each.closing || atNode(each);
}

void LeasePool::setTopology(const cluster::Topology& topology) {
  const auto judge = [&](Lease& lease) {
    if (lease.link->retired() && topology.ownsSlots(lease.link->node())) lease.link->trustAgain();
    if (topology.isMaster(lease.link->node())) return;
    lease.link->retire();
    lease.closing = true;
  };
  for (Lease& lease : taken_) judge(lease);
  for (Lease& lease : free_) judge(lease);
}

void LeasePool::setSettings(LinkSettings settings) {
  settings.role = LinkRole::Lease;
  for (const int protocol : {2, 3}) {
    settings.protocol = protocol;
    settings_[static_cast<std::size_t>(protocol - 2)] = settings;
  }
}

void LeasePool::keepLogins() {
  forEach([](const Lease& lease) { lease.link->keepLogin(); });
}

net::TimePoint::duration LeasePool::silence() const noexcept {
  net::TimePoint::duration longest{};
  forEach([&](const Lease& lease) { longest = std::max(longest, lease.link->silence()); });
  return longest;
}

std::size_t LeasePool::bytesOpen() const noexcept {
  std::size_t bytes = 0;
  forEach([&](const Lease& lease) { bytes += lease.link->bytesOpen(); });
  return bytes;
}

void LeasePool::tend(bool mayJudge) {
  std::size_t probed = 0;
  forEach([&](const Lease& lease) { probed += lease.link->probing() ? 1U : 0U; });
  // By number: who is told of a loss may acquire or give back another one. Whatever changes its place then is
  // tended the next time.
  for (std::size_t i = 0; i < taken_.size(); ++i) tend(taken_[i], true, mayJudge, probed);
  for (std::size_t i = 0; i < free_.size(); ++i) tend(free_[i], false, mayJudge, probed);
}

void LeasePool::tend(Lease& lease, bool isTaken, bool mayJudge, std::size_t& probed) {
  Link& link = *lease.link;
  const net::Millis patience = settings_.front().idleTimeout;
  if (!isTaken && patience.count() > 0 && host_.now - lease.since >= patience) lease.closing = true;
  link.keepLogin();
  if (lease.closing || (lease.use == LeaseUse::Blocking && link.inFlight() > 0)) return;
  const bool was = link.probing();
  link.tend(false, mayJudge && (was || probed < kMaxProbed));
  if (!was && link.probing()) ++probed;
}

void LeasePool::sweep() {
  std::erase_if(free_, [this](Lease& lease) {
    if (mayServe(lease)) return false;
    lease.link->close();
    metrics_.dropNode(lease.link->metrics());
    return true;
  });
}

void LeasePool::dismiss() noexcept {
  for (Lease& lease : taken_) lease.closing = true;
  for (Lease& lease : free_) lease.closing = true;
}

std::string_view LeasePool::nameOf(LeaseUse use) noexcept {
  return kUses[static_cast<std::size_t>(use)].name;
}

}  // namespace slotless::upstream
