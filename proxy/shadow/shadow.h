// Asks some of the clients' reads (shadow-sample) again on both sides of a migration at the same time, and
// compares the replies: on a thread of its own, so that clients notice nothing of it. See Trial.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "config/config.h"
#include "proxy/observe/shadow_queue.h"
#include "proxy/shadow/asker.h"
#include "proxy/shadow/trial.h"

namespace slotless::shadow {

class Shadow {
 public:
  struct Surroundings {
    // One side, as Side; any that waits gives up where `stops` says so.
    std::function<std::unique_ptr<Asker>(const config::Config&, config::Upstream,
                                         const std::function<bool()>& stops)>
        makeSide;
    std::function<Trial::TimePoint()> now;
    observe::ShadowQueue& queue;
  };

  // The real ones.
  Shadow();
  explicit Shadow(Surroundings surroundings);
  ~Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  // From now on these sides; `config` as it was loaded. Begins the thread when it is first wanted. One
  // thread's.
  void use(const config::Config& config);

 private:
  void run();
  void takeSettings();

  const Surroundings surroundings_;
  std::atomic<bool> stops_{false};
  std::mutex mutex_;
  std::shared_ptr<const config::Config> wanted_;  // until the thread has taken it
  Trial trial_;                                   // the thread's
  std::thread thread_;
};

}  // namespace slotless::shadow
