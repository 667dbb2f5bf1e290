// Whether a link's node knows who it is: AUTH between requests, and another connection where that is lost.
#include <algorithm>
#include <string>

#include "proxy/upstream/link.h"
#include "proxy/upstream/link_probe.h"
#include "proxy/upstream/replica_role.h"

namespace slotless::upstream {

namespace {
// While a node takes none of the credentials it is tried more rarely: who counts refusals must not lock the
// account. New ones are tried at once.
constexpr int kRefusedFactor = 5;
}  // namespace

void Link::keepLogin() {
  const Access& access = settings_.access;
  if (state_ == LinkState::BackingOff && timer_->active() && unauthorised_ &&
      *unauthorised_ != access.generation) {
    unauthorised_.reset();
    return timer_->start(net::Millis{0});
  }
  if (!ready() || retired() || readingPaused_) return;
  if (settings_.role == LinkRole::Lease && inFlight() > 0) return;
  if (!login_.due(access, settings_.reauthInterval, host_.now)) return;
  pushOwn(loginAnswer_, login_.ask(access), Own::Login);
}

void Link::onLoginAnswer(std::string_view line) {
  const bool accepted = !line.starts_with('-');
  (accepted ? metrics_.logins : metrics_.loginsRefused).add();
  if (!accepted) host_.onLoginRefused(*this, line.substr(1, line.find_first_of(" \r") - 1));
  const std::string more = login_.answered(line, settings_.access, host_.now);
  if (!more.empty()) pushOwn(loginAnswer_, more, Own::Login);
}

void Link::renew() {
  if (up()) transition(LinkState::Draining);
}

void Link::endDraining() {
  if (state_ == LinkState::Draining && inFlight() == 0) lose("the node asks again who this is");
}

net::Millis Link::pauseAfterLoss(bool established) {
  const auto random = [this](std::uint32_t bound) { return host_.random(bound); };
  if (state_ == LinkState::Draining) {
    // A node that takes the greeting and then knows nothing of it would be greeted all the time.
    if (host_.now - renewedAt_ > 2 * settings_.backoffMax) renewals_.ofUse();
    renewedAt_ = host_.now;
    return renewals_.afterLoss(true, settings_.backoffMin, settings_.backoffMax, random);
  }
  const bool refused = connection_.unauthorised();
  if (refused) unauthorised_ = settings_.access.generation;
  return backoff_.afterLoss(established, settings_.backoffMin,
                            settings_.backoffMax * (refused ? kRefusedFactor : 1), random);
}

}  // namespace slotless::upstream
