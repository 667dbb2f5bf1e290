// Tells a chronicle every two seconds how things are: on the control thread, which everything is known to.
#pragma once
#include <functional>
#include <memory>

#include "proxy/net/loop.h"
#include "proxy/observe/chronicle.h"

namespace slotless::server {

class Sampler {
 public:
  // `condition`: how things are now.
  Sampler(net::Loop& loop, observe::Chronicle& chronicle, std::function<observe::Condition()> condition)
      : chronicle_(chronicle), condition_(std::move(condition)), timer_(loop.makeTimer([this] { take(); })) {
    take();
  }

 private:
  void take() {
    chronicle_.take(condition_());
    timer_->start(observe::kTrafficStep);
  }

  observe::Chronicle& chronicle_;
  const std::function<observe::Condition()> condition_;
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace slotless::server
