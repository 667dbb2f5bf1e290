#include "proxy/server/errands.h"

#include <pthread.h>

#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

namespace slotless::server {

void Errands::run(std::function<void()> work, net::Loop& loop, std::function<void()> done) {
  const std::lock_guard guard(mutex_);
  std::erase_if(underWay_, [](const std::future<void>& each) {
    return each.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  });
  const auto errand = [this, work, &loop, done] {
    // Signals are for the thread that waits for them.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    pthread_setname_np(pthread_self(), "errand");
    {
      const std::lock_guard turn(turn_);
      work();
    }
    loop.post(done);
  };
  try {
    underWay_.push_back(std::async(std::launch::async, errand));
  } catch (const std::system_error&) {
    loop.post([work, done] {  // no thread is left: better late than never
      work();
      done();
    });
  }
}

void Errands::wait() {
  std::vector<std::future<void>> last;
  {
    const std::lock_guard guard(mutex_);
    last.swap(underWay_);
  }
  for (const std::future<void>& each : last) each.wait();
}

}  // namespace slotless::server
