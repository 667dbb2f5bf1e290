#include "proxy/shadow/shadow.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "proxy/shadow/side.h"

namespace slotless::shadow {

using observe::ShadowQueue;

namespace {

constexpr std::chrono::milliseconds kPatience{200};  // with an empty queue

}  // namespace

Shadow::Shadow()
    : Shadow(Surroundings{
          [](const config::Config& config, config::Upstream side, const std::function<bool()>& stops) {
            return std::make_unique<Side>(config, side, stops);
          },
          [] { return std::chrono::steady_clock::now(); }, ShadowQueue::ofProcess()}) {}

Shadow::Shadow(Surroundings surroundings)
    : surroundings_(std::move(surroundings)), trial_(surroundings_.queue, surroundings_.now) {}

Shadow::~Shadow() {
  stops_.store(true);
  surroundings_.queue.wake();
  if (thread_.joinable()) thread_.join();
}

void Shadow::use(const config::Config& config) {
  const bool on = config.shadowSample > 0 && config.upstream == config::Upstream::Migrating;
  if (!on && !thread_.joinable()) return;
  {
    const std::lock_guard guard(mutex_);
    wanted_ = std::make_shared<const config::Config>(config);
  }
  if (thread_.joinable()) return surroundings_.queue.wake();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "shadow");
    // They are the control thread's.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    run();
  });
}

void Shadow::takeSettings() {
  std::shared_ptr<const config::Config> wanted;
  {
    const std::lock_guard guard(mutex_);
    wanted = std::exchange(wanted_, nullptr);
  }
  if (wanted == nullptr) return;
  const auto stops = [this] { return stops_.load(); };
  auto server = surroundings_.makeSide(*wanted, config::Upstream::Single, stops);
  auto cluster = surroundings_.makeSide(*wanted, config::Upstream::Cluster, stops);
  trial_.use(std::move(server), std::move(cluster));
}

void Shadow::run() {
  while (!stops_.load()) {
    takeSettings();
    while (!stops_.load() && trial_.askAgain()) {
    }
    if (auto sample = surroundings_.queue.take(kPatience)) trial_.ask(*std::move(sample));
  }
}

}  // namespace slotless::shadow
