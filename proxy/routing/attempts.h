// What a command that waits for something does each time that it looks: one attempt, in stages.
#pragma once
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/routing/plan.h"

namespace slotless::routing {

// goOn() leads through an attempt, and is false at its end. compose() makes the reply of the last one.
class Attempts : public Composer {
 public:
  // The plan becomes the first stage of the first attempt, or of another one.
  virtual void attempt(Plan& plan) = 0;
  // Of an attempt that is over: there was nothing to be had, and another one may find something.
  virtual bool foundNothing() const = 0;
  // Only when one of these has changed another attempt may find something. Valid as long as this.
  virtual std::vector<std::string_view> watchedKeys() const = 0;
};

// The plan becomes the first and only attempt.
inline void planOnce(std::unique_ptr<Attempts> attempts, Plan& plan) {
  attempts->attempt(plan);
  plan.composer = std::move(attempts);
}

}  // namespace slotless::routing
