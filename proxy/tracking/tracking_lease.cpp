#include "proxy/tracking/tracking_lease.h"

#include <algorithm>
#include <utility>

#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "proxy/dispatch/context.h"
#include "proxy/tracking/invalidation.h"
#include "proxy/tracking/trackers.h"

namespace slotless::session {

using upstream::LeaseUse;
using upstream::Link;

namespace {
constexpr std::string_view kNull = "_\r\n";
constexpr std::string_view kNoId =
    "-ERR CLIENT TRACKING with REDIRECT needs CLIENT ID, which the node denies to the proxy\r\n";
// To a connection whose ear is gone, which hears of that itself.
constexpr std::string_view kBroken = ">2\r\n$21\r\ntracking-redir-broken\r\n";
}  // namespace

TrackingLease::~TrackingLease() {
  if (link_ != nullptr) drop();
}

void TrackingLease::open(int protocol) {
  if (state_ != State::Idle || retired_ || context_.host.now < retryAt_) return;
  if (!connections_.leases().hasRoom(LeaseUse::Tracking, linksFor(mode_))) return;
  link_ = connections_.leases().acquire(node_, protocol, LeaseUse::Tracking);
  link_->setHolder(this);
  if (mode_.redirects()) {
    ear_ = connections_.leases().acquire(node_, 3, LeaseUse::Tracking);
    ear_->setHolder(this);
  }
  state_ = State::Connecting;
  anew_ = true;
  if (link_->dead()) return onLeaseLost(*link_);
  if (ear_ != nullptr && ear_->dead()) return onLeaseLost(*ear_);
  if (link_->ready()) onLeaseReady(*link_);
}

std::int64_t TrackingLease::earId() const noexcept {
  return ear_ == nullptr ? 0 : ear_->nodeClientId();
}

void TrackingLease::onLeaseReady(Link&) {
  if (!link_->ready() || (ear_ != nullptr && !ear_->ready())) return;
  if (ear_ != nullptr && earId() == 0) return onAnswered(kNoId);
  ask(mode_.commands(earId()));
}

void TrackingLease::change(const TrackingOptions& options) {
  ask({trackingCommand(options, nodePrefixes(options), earId())});
}

void TrackingLease::speak(int protocol) {
  std::string hello;
  protocol::appendRequest(hello, {{"HELLO", std::to_string(protocol)}});
  ask({hello});
}

void TrackingLease::ask(const std::vector<std::string>& commands) {
  state_ = State::Asked;
  confirmation_ = &trackers_.takeConfirmation(*this);
  net::ByteChain bytes(context_.host.pool);
  for (const std::string& command : commands) bytes.append(command);
  link_->send(*confirmation_, bytes, upstream::Front::None, static_cast<std::uint32_t>(commands.size() - 1));
}

void TrackingLease::tell(std::string_view command) {
  if (link_ == nullptr || !link_->ready()) return;
  TrackingConfirmation& confirmation = trackers_.takeConfirmation(*this);
  confirmation.forget();
  link_->send(confirmation, command, upstream::Front::None);
}

void TrackingLease::onAnswered(std::string_view refusal) {
  confirmation_ = nullptr;
  telemetry::Denials& denials = connections_.denials();
  if (refusal.empty()) {
    denials.worked(telemetry::Deniable::ClientTracking, node_);
    state_ = State::Live;
    failures_ = 0;
    return events_.onLeaseLive(*this, std::exchange(anew_, false));
  }
  const std::string line(refusal);
  if (protocol::isDenial(line))
    denials.note(telemetry::Deniable::ClientTracking, node_, line, context_.host.now);
  drop();
  events_.onLeaseRefused(*this, line);
}

bool TrackingLease::onPush(Link&, std::string_view push) {
  if (push.starts_with(kBroken)) return ear_ != nullptr || retired_;
  if (!push.starts_with(kInvalidate)) return false;
  if (dismissed_) return true;
  if (push.substr(kInvalidate.size()) == kNull) {
    events_.onNodeFlushed(*this);
  } else {
    events_.onInvalidation(*this, push);
  }
  return true;
}

void TrackingLease::onLeaseLost(Link& lost) {
  if (&lost == ear_) return onEarLost();
  Link& link = *link_;
  const bool wasLive = state_ == State::Live;
  drop();
  events_.onLeaseGone(*this, link, wasLive);
}

void TrackingLease::onEarLost() {
  if (state_ != State::Live || link_->inFlight() == 0) return onLeaseLost(*link_);
  connections_.leases().release(*std::exchange(ear_, nullptr), false);
  if (retired_) return;
  retire();
  events_.onLeaseDeaf(*this);
}

// The first try after a live lease is made at once, then the pauses double.
void TrackingLease::drop() {
  const auto& config = context_.config;
  if (confirmation_ != nullptr) confirmation_->forget();
  confirmation_ = nullptr;
  const bool wasLive = state_ == State::Live;
  state_ = State::Idle;
  flushed = false;
  const auto doubled = config.reconnectBackoffMin * (1U << std::min<std::uint32_t>(failures_, 16));
  retryAt_ = context_.host.now +
             (wasLive ? net::Millis{0} : std::min<net::Millis>(doubled, config.reconnectBackoffMax));
  ++failures_;
  if (ear_ != nullptr) connections_.leases().release(*std::exchange(ear_, nullptr), false);
  connections_.leases().release(*std::exchange(link_, nullptr), false);
}

}  // namespace slotless::session
