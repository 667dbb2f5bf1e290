#include "proxy/dispatch/pausing.h"

#include <algorithm>

#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/request.h"
#include "proxy/upstream/link.h"

namespace slotless::session {
namespace {

constexpr net::Millis kShortestPause{1};
constexpr net::Millis kLongestPause{50};

}  // namespace

Pausing::Pausing(upstream::LinkHost& host) : host_(host), nextPause_(kShortestPause) {}

Pausing::~Pausing() = default;

void Pausing::pauseFor(net::Millis duration) {
  if (timer_ == nullptr) timer_ = host_.loop.makeTimer([this] { onPauseOver(); });
  timer_->start(duration);
}

bool Pausing::pauseWithin(net::Millis limit) {
  if (!firstPause_) {
    firstPause_ = host_.now;
  } else if (host_.now - *firstPause_ >= limit) {
    return false;
  }
  pauseFor(nextPause_);
  nextPause_ = std::min(nextPause_ * 2, kLongestPause);
  return true;
}

void Pausing::onPauseOver() {
  host_.touch();
  routing::Plan stage;
  if (resume(stage)) request_->dispatcher->goOn(*request_, stage);
}

}  // namespace slotless::session
