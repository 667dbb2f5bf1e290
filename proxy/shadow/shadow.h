// Asks some of the clients' reads (shadow-sample) again on both sides of a migration at the same time, and
// compares the replies: on a thread of its own, so that clients notice nothing of it.
//
// The copy lags a moment behind: what differs is asked once more later. It counts as a difference if both
// sides then say what they said before, and this is not the same.
#pragma once
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "config/config.h"
#include "proxy/observe/shadow_queue.h"
#include "proxy/shadow/side.h"

namespace slotless::shadow {

class Shadow {
 public:
  Shadow() = default;
  ~Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  // From now on these sides; `config` as it was loaded. Begins the thread when it is first wanted. One
  // thread's.
  void use(const config::Config& config);

 private:
  using Clock = std::chrono::steady_clock;
  struct Doubtful {
    observe::ShadowSample sample;
    Clock::time_point due;
    std::string server;  // what was said
    std::string cluster;
  };

  void run();
  void takeSettings();
  void ask(observe::ShadowSample sample, const Doubtful* before);
  void drop(const observe::ShadowSample& sample, telemetry::ShadowDrop reason);
  void end(const observe::ShadowSample& sample, telemetry::ShadowOutcome outcome);
  void fail(const std::string& trouble);

  std::atomic<bool> stops_{false};
  std::mutex mutex_;
  std::shared_ptr<const config::Config> wanted_;  // until the thread has taken it
  // Of the thread.
  std::unique_ptr<Side> server_;
  std::unique_ptr<Side> cluster_;
  std::deque<Doubtful> doubtful_;
  Clock::time_point failedUntil_{};
  std::thread thread_;
};

}  // namespace slotless::shadow
