// The thread that sends traces, where trace-endpoint says so: begun when it is first wanted.
//
// Ownership: the process's; outlives the server. use() and end() are one thread's.
#pragma once
#include <chrono>
#include <memory>

#include "config/config.h"

namespace slotless::trace {

class Tracing {
 public:
  Tracing();
  // What has not been sent by then is lost.
  ~Tracing();
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  // From now on by these options.
  void use(const config::Config& config);
  // Nothing more will come: sends what there is, for a moment, and no longer than shutdown-timeout.
  void end();

 private:
  class Sender;

  std::chrono::milliseconds patience_{0};
  std::unique_ptr<Sender> sender_;
};

}  // namespace slotless::trace
