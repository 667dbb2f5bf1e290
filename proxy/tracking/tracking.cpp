#include "proxy/tracking/tracking.h"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/dispatch/request_copy.h"
#include "proxy/tracking/invalidation.h"
#include "proxy/tracking/tracked.h"
#include "proxy/tracking/trackers.h"

namespace slotless::session {

using upstream::Front;
using upstream::LeaseUse;
using upstream::Link;

namespace {

// How often it is looked whether something that is missing can be had.
constexpr net::Millis kTick{20};
// A prefix as an element of a set, beside its text.
constexpr std::size_t kPrefixBytes = 96;
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kUnwatch = "*1\r\n$7\r\nUNWATCH\r\n";
constexpr std::string_view kNotInTime = "-CLUSTERDOWN No master could be reached in time\r\n";

}  // namespace

Tracking::Tracking(Downstream& client, Tracked& tracked, Context& context, Trackers& trackers)
    : client_(client),
      tracked_(tracked),
      context_(context),
      trackers_(trackers),
      timer_(context.host.loop.makeTimer([this] { tick(); })) {
  trackers_.add(*this);
}

Tracking::~Tracking() {
  if (mode_.on()) context_.metrics.trackingClients.add(-1);
  trackers_.remove(*this);
  leases_.clear();
  if (asking_ != nullptr) answer({});
}

// --- on and off ---

void Tracking::turnOnUnseen(const TrackingOptions& options) {
  if (!mode_.on()) context_.metrics.trackingClients.add(1);
  mode_.turnOn(options);
  broken_ = false;
  if (!useful()) disengage();
}

std::size_t Tracking::memoryBytes() const noexcept {
  std::size_t bytes = sizeof(Tracking) + leases_.size() * (sizeof(TrackingLease) + sizeof(upstream::Link));
  for (const std::string& prefix : mode_.prefixes()) bytes += 2 * (kPrefixBytes + prefix.size());
  for (const Behind& behind : behind_) bytes += sizeof(Behind) + behind.push.size();
  return bytes;
}

void Tracking::turnOn(Request& request, const TrackingOptions& options, const RedirectTarget& target) {
  turnOnUnseen(options);
  target_ = target;
  asking_ = &request;
  refusal_.clear();
  deadline_ = context_.host.now + std::max(context_.config.holdTimeout, context_.config.connectTimeout);
  if (engaged_) {
    for (const auto& lease : leases_) {
      if (lease->live())
        lease->change(options);
      else if (lease->asked())
        lease->retire();  // it has been told of something else
    }
    findMasters();
  } else {
    engage();
  }
  startTicking();
  confirm();
}

void Tracking::turnOff() {
  if (mode_.on()) context_.metrics.trackingClients.add(-1);
  mode_.turnOff();
  broken_ = false;
  askedUnseen_ = false;
  cachingGiven_ = false;
  disengage();
}

bool Tracking::useful() const noexcept {
  return mode_.on() && (client_.protocol >= 3 || mode_.redirects());
}

void Tracking::onProtocol() {
  if (!mode_.on()) return;
  if (!useful()) return disengage();
  if (!engaged_) {
    return engage();
  }
  if (client_.protocol != protocol_) changeProtocol();
}

// With an ear the node goes on remembering what has been read.
void Tracking::changeProtocol() {
  protocol_ = client_.protocol;
  for (const auto& lease : leases_) {
    if (lease->live() && lease->hasEar()) {
      lease->speak(protocol_);
      continue;
    }
    if (lease->live()) {
      complete_ = false;
      voidBefore_ = true;
    }
    lease->retire();
  }
  findMasters();
  startTicking();
}

// What has been read by those before is told of no more: all of it counts as changed once these are there.
void Tracking::onLinks() {
  if (!engaged_) return;
  for (const auto& lease : leases_) lease->retire();
  complete_ = false;
  voidBefore_ = true;
  findMasters();
  if (hasRoom()) openLeases();
  startTicking();
}

void Tracking::onRedirectBroken(std::uint64_t target) {
  if (!mode_.redirects() || target_.client != target) return;
  broken_ = true;
  if (client_.protocol < 3) return;
  std::string push;
  protocol::appendPushHeader(push, 3, 2);
  protocol::appendBulk(push, "tracking-redir-broken");
  protocol::appendInteger(push, static_cast<std::int64_t>(target));
  tracked_.push('>', push);
}

void Tracking::answerBehindPushes(Request& request, std::string_view reply) {
  std::vector<upstream::Link*> links;
  for (const auto& lease : leases_) {
    if (lease->live()) links.push_back(lease->link());
  }
  PushBarrier& barrier = trackers_.takeBarrier(context_.dispatcher, request, reply, links.size());
  for (upstream::Link* link : links) link->send(barrier, kPing, Front::None);
}

void Tracking::engage() {
  engaged_ = true;
  protocol_ = client_.protocol;
  complete_ = false;
  voidBefore_ = std::exchange(askedUnseen_, false);
  findMasters();
  // All or nothing: two clients that each wait for the other's would wait in vain.
  if (hasRoom()) openLeases();
  startTicking();
}

void Tracking::disengage() {
  engaged_ = false;
  collectUntil_.reset();
  for (const auto& lease : leases_) lease->dismiss();
  for (const Behind& each : behind_) tracked_.uncountWaiting(each.push.size());
  behind_.clear();
  startTicking();
}

void Tracking::onTopology(bool moved) {
  if (!engaged_) return;
  const cluster::Topology& topology = context_.links.topology();
  for (const auto& lease : leases_) {
    const auto index = topology.find(lease->node());
    if (!index || !topology.nodes[*index].master) lease->retire();
  }
  findMasters();
  if (hasRoom()) openLeases();
  startTicking();
  if (moved && complete_) flush();
}

void Tracking::findMasters() {
  for (const net::Address& node : trackers_.masters()) {
    if (leaseAt(node) == nullptr) addLease(node);
  }
}

TrackingLease& Tracking::addLease(const net::Address& node) {
  leases_.push_back(
      std::make_unique<TrackingLease>(context_, *client_.upstream, trackers_, *this, mode_, node));
  return *leases_.back();
}

void Tracking::openLeases() {
  // By number: what happens on the way may add some.
  for (std::size_t i = 0; i < leases_.size(); ++i) leases_[i]->open(client_.protocol);
}

void Tracking::closeDrained() {
  const auto gone = std::stable_partition(
      leases_.begin(), leases_.end(),
      [](const std::unique_ptr<TrackingLease>& lease) { return !lease->retired() || !lease->drained(); });
  bool unseen = false;
  for (auto each = gone; each != leases_.end(); ++each) {
    if ((*each)->link() != nullptr) tracked_.onTrackingLinkGone(*(*each)->link());
    unseen = unseen || (*each)->retiredBusy();
  }
  leases_.erase(gone, leases_.end());
  // What was read by them at last is remembered by nobody.
  if (engaged_ && unseen) flush();
}

// Answers CLIENT TRACKING ON as soon as that can be: every lease is live or has failed once.
void Tracking::confirm() {
  if (!engaged_) return;
  const bool someLive = hasLive();
  const bool someOpen = anyLease([](const TrackingLease& lease) { return !lease.live() && !lease.failed(); });
  const bool late = asking_ != nullptr && context_.host.now >= deadline_;
  if (someLive && (!someOpen || late) && !complete_) {
    complete_ = true;
    if (voidBefore_) flush();
  }
  if (asking_ == nullptr) return;
  if (!refusal_.empty()) {
    const std::string line = refusal_;
    turnOff();
    return answer(line);
  }
  if (someLive && (!someOpen || late)) return answer("+OK\r\n");
  if (!late) return;
  const bool spent = !hasRoom();
  if (spent) context_.metrics.limits[static_cast<std::size_t>(telemetry::Limit::Leases)].add();
  turnOff();
  answer(spent ? reply_texts::kNoLease : kNotInTime);
}

void Tracking::answer(std::string_view reply) {
  context_.dispatcher.finishLate(*std::exchange(asking_, nullptr), reply);
}

// --- the leases ---

TrackingLease* Tracking::leaseAt(const net::Address& node) const {
  for (const auto& lease : leases_) {
    if (!lease->retired() && lease->node() == node) return lease.get();
  }
  return nullptr;
}

Link* Tracking::linkTo(const net::Address& node) {
  TrackingLease* lease = leaseAt(node);
  if (lease != nullptr) return lease->live() ? lease->link() : nullptr;
  // Redirected to what has no slots yet.
  addLease(node).open(client_.protocol);
  startTicking();
  return nullptr;
}

Link* Tracking::anyLink() {
  const auto live =
      std::find_if(leases_.begin(), leases_.end(), [](const auto& lease) { return lease->live(); });
  return live == leases_.end() ? nullptr : (*live)->link();
}

bool Tracking::hasLive() const {
  return anyLease([](const TrackingLease& lease) { return lease.live(); });
}

bool Tracking::owns(const Link& link) const noexcept {
  return std::any_of(leases_.begin(), leases_.end(),
                     [&](const auto& lease) { return lease->link() == &link; });
}

void Tracking::forgetWatchOn(const Link& link) {
  for (const auto& lease : leases_) {
    if (lease->link() == &link) lease->tell(kUnwatch);
  }
}

bool Tracking::hasRoom() const noexcept {
  const auto missing =
      static_cast<std::size_t>(std::count_if(leases_.begin(), leases_.end(), [](const auto& lease) {
        return !lease->retired() && lease->link() == nullptr;
      }));
  return missing == 0 ||
         client_.upstream->leases().hasRoom(LeaseUse::Tracking, missing * TrackingLease::linksFor(mode_));
}

void Tracking::onLeaseLive(TrackingLease&, bool anew) {
  // In BCAST mode the client may have read on other connections what nobody has watched meanwhile.
  if (anew && complete_ && asking_ == nullptr && mode_.broadcast()) flush();
  context_.agenda.add(client_, Task::Pump);
  confirm();
}

void Tracking::onLeaseRefused(TrackingLease&, std::string_view line) {
  if (asking_ != nullptr) refusal_ = line;
  startTicking();
  confirm();
}

void Tracking::onLeaseGone(TrackingLease&, const Link& link, bool wasLive) {
  tracked_.onTrackingLinkGone(link);
  if (engaged_ && wasLive && complete_) flush();
  startTicking();
  confirm();
}

void Tracking::onLeaseDeaf(TrackingLease&) {
  findMasters();
  if (complete_) flush();
  startTicking();
}

bool Tracking::busy() const {
  if (asking_ != nullptr || collectUntil_) return true;
  return std::any_of(leases_.begin(), leases_.end(), [](const auto& lease) { return !lease->live(); });
}

void Tracking::startTicking() {
  if (busy() && !timer_->active()) timer_->start(kTick);
}

void Tracking::tick() {
  context_.host.touch();
  closeDrained();
  if (engaged_ && hasRoom()) openLeases();
  if (collectUntil_ && context_.host.now >= *collectUntil_) flush();
  confirm();
  startTicking();
}

}  // namespace slotless::session
