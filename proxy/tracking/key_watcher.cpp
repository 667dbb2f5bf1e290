#include "proxy/tracking/key_watcher.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/encoder.h"
#include "protocol/slot.h"
#include "proxy/dispatch/context.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/tracking/invalidation.h"
#include "proxy/tracking/trackers.h"

namespace slotless::session {

namespace {

constexpr net::Millis kIdle{10'000};
// Only in RESP3 a node tells on the connection that has asked.
constexpr int kProtocol = 3;

}  // namespace

// --- one key ---

KeyAlert::KeyAlert(KeyWatcher& watcher, KeyAlertEvents& events, std::string key)
    : watcher_(watcher), events_(events), key_(std::move(key)) {}

KeyAlert::~KeyAlert() {
  watcher_.forget(*this);
}

bool KeyAlert::ask() {
  return watcher_.ask(*this);
}

void KeyAlert::onAnswered(bool set, bool mayExist) {
  question_ = nullptr;
  state_ = set ? State::Set : State::Off;
  if (set) watcher_.set_.emplace(key_, this);
  events_.onAnswer(*this, mayExist);
}

void AlertQuestion::onReply(std::string_view bytes, bool last) {
  reply_ += bytes;
  if (last) finish(true);
}

void AlertQuestion::onErrorReply(std::string_view, const upstream::SentRequest&) {
  finish(false);
}

void AlertQuestion::onLost(upstream::Loss, const upstream::SentRequest&) {
  finish(false);
}

void AlertQuestion::finish(bool set) {
  KeyAlert* const alert = std::exchange(alert_, nullptr);
  // A lease that has been given up takes what it is answered with it.
  set = set && alert != nullptr && owner_.isLive(alert->lease_);
  const bool mayExist = !set || routing::integerOf(reply_) != 0;
  owner_.free_.push_back(this);
  if (alert != nullptr) alert->onAnswered(set, mayExist);
}

// --- all of them ---

KeyWatcher::KeyWatcher(Context& context, Trackers& trackers) : context_(context), trackers_(trackers) {
  TrackingOptions on;
  on.on = true;
  mode_.turnOn(on);
}

KeyWatcher::~KeyWatcher() = default;

const net::Address* KeyWatcher::ownerOf(std::string_view key) const {
  const cluster::Topology& topology = context_.links.topology();
  const cluster::NodeIndex owner = topology.owners[protocol::slotOf(key)];
  return owner == cluster::kNoNode ? nullptr : &topology.nodes[owner].address;
}

TrackingLease* KeyWatcher::leaseFor(std::string_view key) {
  const net::Address* const node = ownerOf(key);
  if (node == nullptr ||
      context_.ownLinks.denials().avoids(telemetry::Deniable::ClientTracking, context_.host.now))
    return nullptr;
  auto found =
      std::find_if(leases_.begin(), leases_.end(), [&](const auto& each) { return each->node() == *node; });
  if (found == leases_.end()) {
    TrackingLeaseEvents& events = *this;
    leases_.push_back(
        std::make_unique<TrackingLease>(context_, context_.ownLinks, trackers_, events, mode_, *node));
    found = leases_.end() - 1;
  }
  TrackingLease& lease = **found;
  lease.open(kProtocol);
  return lease.live() ? &lease : nullptr;
}

bool KeyWatcher::isLive(const TrackingLease* lease) const {
  return std::any_of(leases_.begin(), leases_.end(),
                     [&](const auto& each) { return each.get() == lease && each->live(); });
}

bool KeyWatcher::ask(KeyAlert& alert) {
  usedAt_ = context_.host.now;
  TrackingLease* const lease = leaseFor(alert.key_);
  if (lease == nullptr) return false;
  if (free_.empty()) {
    questions_.push_back(std::make_unique<AlertQuestion>(*this));
    free_.push_back(questions_.back().get());
  }
  AlertQuestion& question = *free_.back();
  free_.pop_back();
  question.alert_ = &alert;
  question.reply_.clear();
  alert.question_ = &question;
  alert.lease_ = lease;
  alert.state_ = KeyAlert::State::Asked;
  std::string request;
  protocol::appendRequest(request, {{"EXISTS", alert.key_}});
  lease->link()->send(question, request, upstream::Front::None);
  return true;
}

void KeyWatcher::forget(KeyAlert& alert) {
  if (alert.question_ != nullptr) alert.question_->alert_ = nullptr;
  std::replace(changed_.begin(), changed_.end(), &alert, static_cast<KeyAlert*>(nullptr));
  const auto [begin, end] = set_.equal_range(alert.key_);
  const auto own = std::find_if(begin, end, [&](const auto& each) { return each.second == &alert; });
  if (own != end) set_.erase(own);
}

// Whoever is told may begin and end alerts.
void KeyWatcher::tell(const std::vector<KeyAlert*>& alerts) {
  const std::size_t before = changed_.size();
  for (KeyAlert* const alert : alerts) {
    forget(*alert);
    alert->state_ = KeyAlert::State::Off;
  }
  changed_.insert(changed_.end(), alerts.begin(), alerts.end());
  for (std::size_t i = before; i < changed_.size(); ++i) {
    if (KeyAlert* const alert = changed_[i]) alert->events_.onChange(*alert);
  }
  changed_.resize(before);
}

template <typename Concerns>
void KeyWatcher::change(Concerns concerns) {
  std::vector<KeyAlert*> alerts;
  for (const auto& [key, alert] : set_) {
    if (concerns(*alert)) alerts.push_back(alert);
  }
  tell(alerts);
}

void KeyWatcher::onInvalidation(TrackingLease&, std::string_view push) {
  const auto elements = routing::elementsOf(push.substr(kInvalidate.size()));
  if (!elements) return;
  std::vector<KeyAlert*> alerts;
  for (const std::string_view element : *elements) {
    const auto key = routing::textOf(element);
    if (!key) continue;
    const auto [begin, end] = set_.equal_range(*key);
    std::transform(begin, end, std::back_inserter(alerts), [](const auto& each) { return each.second; });
  }
  tell(alerts);
}

void KeyWatcher::onNodeFlushed(TrackingLease& lease) {
  change([&](const KeyAlert& alert) { return alert.lease_ == &lease; });
}

void KeyWatcher::onLeaseGone(TrackingLease& lease, const upstream::Link&, bool) {
  onNodeFlushed(lease);
}

// Where a slot has another master, that one is to be asked.
void KeyWatcher::onTopology() {
  change([&](const KeyAlert& alert) {
    const net::Address* const owner = ownerOf(alert.key_);
    return owner == nullptr || *owner != alert.lease_->node();
  });
  const cluster::Topology& topology = context_.links.topology();
  std::erase_if(leases_, [&](const auto& lease) {
    const auto index = topology.find(lease->node());
    return !index || !topology.nodes[*index].master;
  });
}

void KeyWatcher::tidy() {
  if (!set_.empty()) usedAt_ = context_.host.now;
  if (context_.host.now - usedAt_ >= kIdle) leases_.clear();
}

}  // namespace slotless::session
