#include "proxy/server/reading.h"

#include <pthread.h>

#include <csignal>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace slotless::server {

// Where the thread leaves what it has read.
struct Reading::Desk {
  std::mutex mutex;
  net::UvLoop* loop = nullptr;                   // nullptr: nobody waits any more
  std::function<void(config::LoadResult)> done;  // the loop's
};

namespace {

// Signals are for the thread that waits for them.
void beginThread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "reload");
}

config::Errors error(std::string problem) {
  return {{"", "config", std::move(problem)}};
}

}  // namespace

Reading::Reading(net::UvLoop& loop, std::function<config::LoadResult()> read,
                 std::function<void(config::LoadResult)> done)
    : desk_(std::make_shared<Desk>()) {
  desk_->loop = &loop;
  desk_->done = std::move(done);
  // Moved out first: it may destroy this object.
  const auto tell = [](Desk& desk, config::LoadResult result) {
    if (const auto told = std::exchange(desk.done, nullptr)) told(std::move(result));
  };
  patience_ = loop.makeTimer([desk = desk_, tell] {
    tell(*desk, error("not read within " + std::to_string(kPatience.count() / 1000) + " s"));
  });
  patience_->start(kPatience);
  try {
    std::thread([desk = desk_, read = std::move(read), tell] {
      beginThread();
      config::LoadResult result = read();
      const std::lock_guard guard(desk->mutex);
      if (desk->loop == nullptr) return;
      desk->loop->post([desk, tell, result = std::move(result)] { tell(*desk, result); });
    }).detach();
  } catch (const std::system_error& failure) {
    loop.post([desk = desk_, tell, why = std::string(failure.what())] { tell(*desk, error(why)); });
  }
}

Reading::~Reading() {
  const std::lock_guard guard(desk_->mutex);
  desk_->loop = nullptr;
  desk_->done = nullptr;
}

}  // namespace slotless::server
