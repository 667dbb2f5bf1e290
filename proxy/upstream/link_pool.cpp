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
  const bool wasInUse = inUse();
  const cluster::TopologyPtr before = std::exchange(topology_, std::move(topology));
  noteFormer(*before);
  if (!settings_.readOnly) replaced_.follow(*before, *topology_);
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
  const bool ahead = before->nodes.empty() || wasInUse;
  for (std::size_t i = 0; i < topology_->nodes.size(); ++i) {
    if (!topology_->nodes[i].master || byNode_[i] != nullptr) continue;
    const bool isKnown = links_.contains(topology_->nodes[i].address);
    Link& link = addLink(static_cast<cluster::NodeIndex>(i));
    if (ahead && !isKnown) link.openAhead();
  }
}

// Two nodes may have one address (an address-map that is wrong): they share a link.
Link& LinkPool::addLink(cluster::NodeIndex node) {
  const net::Address& address = topology_->nodes[node].address;
  std::unique_ptr<Link>& link = links_[address];
  if (link == nullptr)
    link = std::make_unique<Link>(host_, settings_, address, metrics_.addNode(address.text()));
  byNode_[node] = link.get();
  return *link;
}

Link& LinkPool::openLink(cluster::NodeIndex node) {
  Link& link = byNode_[node] != nullptr ? *byNode_[node] : addLink(node);
  link.open();
  return link;
}

bool LinkPool::inUse() const noexcept {
  return std::any_of(links_.begin(), links_.end(), [](const auto& entry) { return !entry.second->idle(); });
}

void LinkPool::setSettings(const LinkSettings& settings) {
  settings_ = settings.of(settings_.protocol, settings_.readOnly);
  if (open_ == OpenLinks::OnDemand || settings_.idleTimeout.count() > 0) return;
  for (const auto& [address, link] : links_) link->openAhead();  // what has been closed is to be kept open
}

Link* LinkPool::anyReady() {
  Link* occupied = nullptr;
  for (std::size_t tried = 0; tried < byNode_.size(); ++tried) {
    const std::size_t node = next_++ % byNode_.size();
    Link* link = byNode_[node];
    if (link == nullptr || !link->ready() || !topology_->nodes[node].master) continue;
    if (isReplaced(static_cast<cluster::NodeIndex>(node))) continue;
    if (!link->occupied()) return link;
    occupied = link;
  }
  if (occupied == nullptr) openSome();
  return occupied;
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
  if (link == nullptr)
    link = std::make_unique<Link>(host_, settings_, address, metrics_.addNode(address.text()));
  link->open();
  return *link;
}

// On demand, but for any node: one master stands for all, for each process another one.
void LinkPool::openSome() {
  const auto isOnItsWay = [](const auto& entry) {
    const Link& link = *entry.second;
    return !link.idle() && !link.failing() && !link.up();
  };
  if (std::any_of(links_.begin(), links_.end(), isOnItsWay)) return;
  const std::size_t count = byNode_.size();
  const std::size_t begin = count == 0 ? 0 : host_.random(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (begin + i) % count;
    const bool isOpen = byNode_[at] != nullptr && !byNode_[at]->idle();
    if (!topology_->nodes[at].master || isOpen) continue;
    linkTo(static_cast<cluster::NodeIndex>(at));
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
    const bool isWanted = topology_->find(entry->first) && !entry->second->idle();
    if (isWanted || entry->second->inFlight() > 0) {
      ++entry;
      continue;
    }
    entry->second->retire();
    retired_.push_back(std::move(entry->second));
    entry = urgent_.erase(entry);
  }
  for (cluster::NodeIndex node = 0; node < byNode_.size(); ++node) {
    Link* link = byNode_[node];
    if (link == nullptr || topology_->nodes[node].master || link->inFlight() > 0) continue;
    if (!link->ready() && !link->idle()) continue;
    byNode_[node] = nullptr;
    const auto entry = links_.find(topology_->nodes[node].address);
    link->retire();
    retired_.push_back(std::move(entry->second));
    links_.erase(entry);
  }
}

void LinkPool::dismiss() {
  std::fill(byNode_.begin(), byNode_.end(), nullptr);
  for (auto* links : {&links_, &urgent_}) {
    for (auto& [address, link] : *links) retired_.push_back(std::move(link));
    links->clear();
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
