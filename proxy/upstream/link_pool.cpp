#include "proxy/upstream/link_pool.h"

#include <algorithm>

namespace slotless::upstream {

LinkPool::LinkPool(LinkHost& host, LinkSettings settings, telemetry::WorkerMetrics& metrics, OpenLinks open)
    : host_(host), settings_(std::move(settings)), metrics_(metrics), open_(open) {}

LinkPool::~LinkPool() = default;

void LinkPool::setTopology(cluster::TopologyPtr topology) {
  topology_ = std::move(topology);
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
    if (topology_->find(entry->first)) {
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

Link& LinkPool::urgentLinkTo(cluster::NodeIndex node) {
  const net::Address& address = topology_->nodes[node].address;
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
