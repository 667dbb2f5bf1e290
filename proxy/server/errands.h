// Short work with files that no loop waits for, one after another.
//
// Safe on any thread. Loops that are told outlive wait().
#pragma once
#include <functional>
#include <future>
#include <mutex>
#include <vector>

#include "proxy/net/loop.h"

namespace slotless::server {

class Errands {
 public:
  ~Errands() { wait(); }

  // `work` runs on a thread of its own, then `done` on the loop.
  void run(std::function<void()> work, net::Loop& loop, std::function<void()> done);
  // Until all are done.
  void wait();

 private:
  std::mutex mutex_;  // guards underWay_
  std::mutex turn_;   // held while one is working
  std::vector<std::future<void>> underWay_;
};

}  // namespace slotless::server
