#include "proxy/upstream/link_pool.h"

#include <algorithm>
#include <utility>

namespace slotless::upstream {

namespace {

// Of a cluster whose nodes get new addresses all the time, the latest.
constexpr std::size_t kMostFormer = 16;

}  // namespace

LinkPool::LinkPool(LinkHost& host, LinkSettings settings, telemetry::WorkerMetrics& metrics, OpenLinks open)
    : host_(host), settings_(std::move(settings)), metrics_(metrics), open_(open) {}

LinkPool::~LinkPool() = default;

void LinkPool::setTopology(cluster::TopologyPtr topology) {
  const cluster::TopologyPtr before = std::exchange(topology_, std::move(topology));
  noteFormer(*before);
  byNode_.assign(topology_->nodes.size(), nullptr);
  for (auto entry = links_.begin(); entry != links_.end();) {
    const auto index = topology_->find(entry->first);
    // A master that has become a replica keeps no link: it would answer MOVED to everything.
    if (index && topology_->nodes[*index].master != settings_.readOnly) {
      byNode_[*index] = entry->second.get();
      ++entry;
    } else {
      if (!settings_.readOnly) entry->second->retire();
      retired_.push_back(std::move(entry->second));
      entry = links_.erase(entry);
    }
  }
  for (auto entry = urgent_.begin(); entry != urgent_.end();) {
    if (topology_->find(entry->first) || isFormer(entry->first)) {
      ++entry;
    } else {
      entry->second->retire();
      retired_.push_back(std::move(entry->second));
      entry = urgent_.erase(entry);
    }
  }
  judgeRetired();
  if (open_ == OpenLinks::OnDemand) return;
  for (std::size_t i = 0; i < topology_->nodes.size(); ++i) {
    if (topology_->nodes[i].master) linkTo(static_cast<cluster::NodeIndex>(i)).open();
  }
}

Link& LinkPool::openLink(cluster::NodeIndex node) {
  const net::Address& address = topology_->nodes[node].address;
  auto link = std::make_unique<Link>(host_, settings_, address, metrics_.addNode(address.text()));
  Link& opened = *link;
  links_[address] = std::move(link);
  byNode_[node] = &opened;
  opened.open();
  return opened;
}

Link* LinkPool::anyReady() {
  if (open_ == OpenLinks::OnDemand && !byNode_.empty()) openSome();
  for (std::size_t tried = 0; tried < byNode_.size(); ++tried) {
    Link* link = byNode_[next_++ % byNode_.size()];
    if (link != nullptr && link->ready() && topology_->nodes[(next_ - 1) % byNode_.size()].master)
      return link;
  }
  return nullptr;
}

void LinkPool::noteFormer(const cluster::Topology& before) {
  for (const cluster::Node& node : before.nodes) {
    if (node.master && !topology_->find(node.address) && !isFormer(node.address))
      former_.push_back(node.address);
  }
  std::erase_if(former_, [this](const net::Address& each) { return topology_->find(each).has_value(); });
  if (former_.size() > kMostFormer)
    former_.erase(former_.begin(), former_.end() - static_cast<std::ptrdiff_t>(kMostFormer));
}

bool LinkPool::isFormer(const net::Address& node) const noexcept {
  return std::find(former_.begin(), former_.end(), node) != former_.end();
}

Link* LinkPool::urgentLinkToFormer(const net::Address& node) {
  return isFormer(node) ? &urgentLink(node) : nullptr;
}

Link& LinkPool::urgentLinkTo(cluster::NodeIndex node) {
  return urgentLink(topology_->nodes[node].address);
}

Link& LinkPool::urgentLink(const net::Address& address) {
  std::unique_ptr<Link>& link = urgent_[address];
  if (link == nullptr) {
    link = std::make_unique<Link>(host_, settings_, address, metrics_.addNode(address.text()));
    link->open();
  }
  return *link;
}

// On demand, but for any node: the first master stands for all.
void LinkPool::openSome() {
  for (std::size_t i = 0; i < byNode_.size(); ++i) {
    if (!topology_->nodes[i].master) continue;
    linkTo(static_cast<cluster::NodeIndex>(i));
    return;
  }
}

void LinkPool::sweep() {
  std::erase_if(retired_, [this](const std::unique_ptr<Link>& link) {
    if (link->inFlight() > 0) return false;
    metrics_.dropNode(link->metrics());
    return true;
  });
}

void LinkPool::checkReplyTimeouts(net::TimePoint now) {
  forEach([now](Link& link) { link.checkReplyTimeout(now); });
}

void LinkPool::tend(bool maySuspect) {
  for (const auto& [address, link] : links_) link->tend(maySuspect, maySuspect);
  for (const auto& [address, link] : urgent_) link->tend(false, maySuspect);
}

net::TimePoint::duration LinkPool::silence() const noexcept {
  net::TimePoint::duration longest{};
  forEach([&](const Link& link) { longest = std::max(longest, link.silence()); });
  return longest;
}

// What was open on a link when its master was replaced may be on it still when that is the master again.
void LinkPool::judgeRetired() {
  if (settings_.readOnly) return;
  for (const auto& link : retired_) {
    if (topology_->ownsSlots(link->node())) {
      link->trustAgain();
    } else {
      link->retire();
    }
  }
}

void LinkPool::closeStrays() {
  if (settings_.readOnly) return;
  for (auto entry = urgent_.begin(); entry != urgent_.end();) {
    if (topology_->find(entry->first) || entry->second->inFlight() > 0) {
      ++entry;
      continue;
    }
    entry->second->retire();
    retired_.push_back(std::move(entry->second));
    entry = urgent_.erase(entry);
  }
  for (cluster::NodeIndex node = 0; node < byNode_.size(); ++node) {
    Link* link = byNode_[node];
    if (link == nullptr || topology_->nodes[node].master || !link->ready() || link->inFlight() > 0) continue;
    byNode_[node] = nullptr;
    const auto entry = links_.find(topology_->nodes[node].address);
    link->retire();
    retired_.push_back(std::move(entry->second));
    links_.erase(entry);
  }
}

void LinkPool::shrink() noexcept {
  forEach([](Link& link) { link.shrink(); });
}

std::size_t LinkPool::bytesOpen() const noexcept {
  std::size_t bytes = 0;
  forEach([&](const Link& link) { bytes += link.bytesOpen(); });
  return bytes;
}

}  // namespace slotless::upstream
