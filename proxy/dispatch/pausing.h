// A composer of stages that may pause between two of them, because what it waits for takes its time.
//
// Nothing of its request is at a node meanwhile, and nothing is held. Ownership: the request's, and so the
// pause ends with it.
#pragma once
#include <memory>
#include <optional>

#include "proxy/net/loop.h"
#include "proxy/routing/plan.h"

namespace slotless::upstream {
struct LinkHost;
}

namespace slotless::session {

class Request;

class Pausing : public routing::Composer {
 public:
  explicit Pausing(upstream::LinkHost& host);
  ~Pausing() override;

  // Before the first pause.
  void belongTo(Request& request) noexcept { request_ = &request; }

 protected:
  // Of goOn(), which has to leave its plan as it was, and to return true.
  void pauseFor(net::Millis duration);
  // The same for a time that grows from one to fifty milliseconds. False: the first such pause began `limit`
  // ago, or longer.
  bool pauseWithin(net::Millis limit);

 private:
  // The plan becomes the stage behind the pause. False: it pauses again.
  virtual bool resume(routing::Plan& plan) = 0;
  void onPauseOver();

  upstream::LinkHost& host_;
  Request* request_ = nullptr;
  std::unique_ptr<net::Timer> timer_;
  std::optional<net::TimePoint> firstPause_;
  net::Millis nextPause_;
};

}  // namespace slotless::session
