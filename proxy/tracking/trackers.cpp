#include "proxy/tracking/trackers.h"

#include <algorithm>
#include <utility>

#include "proxy/dispatch/dispatcher.h"
#include "proxy/tracking/tracking.h"
#include "proxy/tracking/tracking_lease.h"

namespace slotless::session {

namespace {

const net::Address& ownerOf(const cluster::Topology& topology, std::size_t slot) {
  static const net::Address nobody;
  const cluster::NodeIndex owner = topology.owners[slot];
  return owner == cluster::kNoNode ? nobody : topology.nodes[owner].address;
}

bool slotsHaveMoved(const cluster::Topology& before, const cluster::Topology& now) {
  for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (ownerOf(before, slot) != ownerOf(now, slot)) return true;
  }
  return false;
}

}  // namespace

void TrackingConfirmation::onReply(std::string_view, bool last) {
  if (last) finish(refusal_);
}

void TrackingConfirmation::onPreludeError(std::string_view line) {
  if (refusal_.empty()) refusal_ = line;
}

void TrackingConfirmation::onErrorReply(std::string_view line, const upstream::SentRequest&) {
  finish(line);
}

// The lease hears of the lost link itself.
void TrackingConfirmation::onLost(upstream::Loss, const upstream::SentRequest&) {
  lease_ = nullptr;
  owner_.free_.push_back(this);
}

void TrackingConfirmation::finish(std::string_view refusal) {
  TrackingLease* lease = std::exchange(lease_, nullptr);
  const std::string line(refusal);
  owner_.free_.push_back(this);
  if (lease != nullptr) lease->onAnswered(line);
}

void PushBarrier::onReply(std::string_view, bool last) {
  if (last) arrive();
}

void PushBarrier::onErrorReply(std::string_view, const upstream::SentRequest&) {
  arrive();
}

// The flush that a lost lease brings is told first or next: either way the client hears of it.
void PushBarrier::onLost(upstream::Loss, const upstream::SentRequest&) {
  arrive();
}

void PushBarrier::arrive() {
  if (--missing_ > 0) return;
  Request& request = *std::exchange(request_, nullptr);
  owner_.freeBarriers_.push_back(this);
  const std::string reply = std::exchange(reply_, {});
  dispatcher_->finishLate(request, reply);
}

PushBarrier& Trackers::takeBarrier(Dispatcher& dispatcher, Request& request, std::string_view reply,
                                   std::size_t links) {
  if (freeBarriers_.empty()) {
    allBarriers_.push_back(std::make_unique<PushBarrier>(*this));
    freeBarriers_.push_back(allBarriers_.back().get());
  }
  PushBarrier& taken = *freeBarriers_.back();
  freeBarriers_.pop_back();
  taken.dispatcher_ = &dispatcher;
  taken.request_ = &request;
  taken.reply_ = reply;
  taken.missing_ = links;
  return taken;
}

TrackingConfirmation& Trackers::takeConfirmation(TrackingLease& lease) {
  if (free_.empty()) {
    all_.push_back(std::make_unique<TrackingConfirmation>(*this));
    free_.push_back(all_.back().get());
  }
  TrackingConfirmation& taken = *free_.back();
  free_.pop_back();
  taken.lease_ = &lease;
  taken.refusal_.clear();
  return taken;
}

void Trackers::add(Tracking& tracking) {
  trackers_.push_back(&tracking);
}

void Trackers::remove(Tracking& tracking) {
  std::erase(trackers_, &tracking);
}

void Trackers::setTopology(cluster::TopologyPtr topology) {
  const cluster::TopologyPtr before = std::exchange(topology_, std::move(topology));
  masters_.clear();
  for (std::size_t i = 0; i < topology_->nodes.size(); ++i) {
    const auto index = static_cast<cluster::NodeIndex>(i);
    if (std::find(topology_->owners.begin(), topology_->owners.end(), index) != topology_->owners.end())
      masters_.push_back(topology_->nodes[i].address);
  }
  if (trackers_.empty()) return;
  const bool moved = slotsHaveMoved(*before, *topology_);
  for (Tracking* each : trackers_) each->onTopology(moved);
}

}  // namespace slotless::session
