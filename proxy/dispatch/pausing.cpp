#include "proxy/dispatch/pausing.h"

#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/request.h"
#include "proxy/upstream/link.h"

namespace slotless::session {

Pausing::Pausing(upstream::LinkHost& host) : host_(host) {}

Pausing::~Pausing() = default;

void Pausing::pauseFor(net::Millis duration) {
  if (timer_ == nullptr) timer_ = host_.loop.makeTimer([this] { onPauseOver(); });
  timer_->start(duration);
}

void Pausing::onPauseOver() {
  host_.touch();
  routing::Plan stage;
  if (resume(stage)) request_->dispatcher->goOn(*request_, stage);
}

}  // namespace slotless::session
