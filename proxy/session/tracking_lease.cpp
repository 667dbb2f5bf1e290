#include "proxy/session/tracking_lease.h"

#include <algorithm>
#include <utility>

#include "proxy/session/services.h"
#include "proxy/session/trackers.h"

namespace slotless::session {

using upstream::LeaseUse;
using upstream::Link;

namespace {
constexpr std::string_view kInvalidate = ">2\r\n$10\r\ninvalidate\r\n";
constexpr std::string_view kNull = "_\r\n";
}  // namespace

TrackingLease::~TrackingLease() {
  if (link_ != nullptr) drop();
}

void TrackingLease::open(const std::vector<std::string>& commands) {
  if (state_ != State::Idle || retired_ || services_.host.now < retryAt_) return;
  if (!services_.leases.hasRoom(LeaseUse::Tracking)) return;
  commands_ = commands;
  link_ = services_.leases.acquire(node_, 3, LeaseUse::Tracking);
  link_->setHolder(this);
  state_ = State::Connecting;
  if (link_->dead()) return onLeaseLost(*link_);
  if (link_->ready()) onLeaseReady(*link_);
}

void TrackingLease::ask(const std::vector<std::string>& commands) {
  commands_ = commands;
  onLeaseReady(*link_);
}

void TrackingLease::onLeaseReady(Link& link) {
  state_ = State::Asked;
  confirmation_ = &services_.trackers.takeConfirmation(*this);
  net::ByteChain bytes(services_.host.pool);
  for (const std::string& command : commands_) bytes.append(command);
  link.send(*confirmation_, bytes, upstream::Front::None, static_cast<std::uint32_t>(commands_.size() - 1));
}

void TrackingLease::tell(std::string_view command) {
  if (link_ == nullptr || !link_->ready()) return;
  TrackingConfirmation& confirmation = services_.trackers.takeConfirmation(*this);
  confirmation.forget();
  link_->send(confirmation, command, upstream::Front::None);
}

void TrackingLease::onAnswered(std::string_view refusal) {
  confirmation_ = nullptr;
  if (refusal.empty()) {
    state_ = State::Live;
    failures_ = 0;
    return events_.onLeaseLive(*this);
  }
  const std::string line(refusal);
  drop();
  events_.onLeaseRefused(*this, line);
}

bool TrackingLease::onPush(Link&, std::string_view push) {
  if (!push.starts_with(kInvalidate)) return false;
  if (push.substr(kInvalidate.size()) == kNull) {
    events_.onNodeFlushed(*this);
  } else {
    events_.onInvalidation(*this, push);
  }
  return true;
}

void TrackingLease::onLeaseLost(Link& link) {
  const bool wasLive = state_ == State::Live;
  drop();
  events_.onLeaseGone(*this, link, wasLive);
}

// The first try after a live lease is made at once, then the pauses double.
void TrackingLease::drop() {
  const auto& config = services_.config;
  if (confirmation_ != nullptr) confirmation_->forget();
  confirmation_ = nullptr;
  const bool wasLive = state_ == State::Live;
  state_ = State::Idle;
  flushed = false;
  const auto doubled = config.reconnectBackoffMin * (1U << std::min<std::uint32_t>(failures_, 16));
  retryAt_ = services_.host.now +
             (wasLive ? net::Millis{0} : std::min<net::Millis>(doubled, config.reconnectBackoffMax));
  ++failures_;
  services_.leases.release(*std::exchange(link_, nullptr), false);
}

}  // namespace slotless::session
