#include "proxy/shadow/shadow.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "proxy/shadow/comparison.h"
#include "proxy/telemetry/log.h"
#include "proxy/telemetry/rate_limit.h"

namespace slotless::shadow {

using observe::ShadowQueue;
using observe::ShadowSample;
using subcommand::Reply;
using telemetry::ShadowCounts;
using telemetry::ShadowDrop;
using telemetry::ShadowOutcome;

namespace {

constexpr std::chrono::milliseconds kPatience{200};  // with an empty queue
constexpr std::chrono::seconds kSettle{3};           // until a difference is looked at again
constexpr std::chrono::seconds kRest{1};             // of a side that does not answer
// A day with many differences must not hold many replies.
constexpr std::size_t kMostDoubtful = 256;
constexpr std::size_t kMostKept = std::size_t{16} * 1024;  // of a reply

// To be compared with itself only.
std::string kept(const std::string& essence) {
  if (essence.size() <= kMostKept) return essence;
  return std::to_string(std::hash<std::string>()(essence));
}

}  // namespace

Shadow::~Shadow() {
  stops_.store(true);
  ShadowQueue::ofProcess().wake();
  if (thread_.joinable()) thread_.join();
}

void Shadow::use(const config::Config& config) {
  const bool on = config.shadowSample > 0 && config.upstream == config::Upstream::Migrating;
  if (!on && !thread_.joinable()) return;
  {
    const std::lock_guard guard(mutex_);
    wanted_ = std::make_shared<const config::Config>(config);
  }
  if (thread_.joinable()) return ShadowQueue::ofProcess().wake();
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
  server_ = std::make_unique<Side>(*wanted, config::Upstream::Single, stops);
  cluster_ = std::make_unique<Side>(*wanted, config::Upstream::Cluster, stops);
  failedUntil_ = {};
}

void Shadow::run() {
  ShadowQueue& queue = ShadowQueue::ofProcess();
  while (!stops_.load()) {
    takeSettings();
    while (!stops_.load() && !doubtful_.empty() && doubtful_.front().due <= Clock::now()) {
      const Doubtful before = std::move(doubtful_.front());
      doubtful_.pop_front();
      ask(before.sample, &before);
    }
    if (auto sample = queue.take(kPatience)) ask(*std::move(sample), nullptr);
  }
}

void Shadow::drop(const ShadowSample& sample, ShadowDrop reason) {
  ShadowCounts::ofProcess().addDropped(reason);
  ShadowQueue::ofProcess().settle(sample);
}

void Shadow::end(const ShadowSample& sample, ShadowOutcome outcome) {
  ShadowCounts::ofProcess().add(sample.command, outcome);
  ShadowQueue::ofProcess().settle(sample);
}

void Shadow::fail(const std::string& trouble) {
  failedUntil_ = Clock::now() + kRest;
  static log::RateLimit limit(1);
  log::write(limit, Clock::now(), log::Level::Warn, "shadow: a side does not answer", {{"error", trouble}});
}

void Shadow::ask(ShadowSample sample, const Doubtful* before) {
  if (Clock::now() < failedUntil_) return drop(sample, ShadowDrop::Unreachable);
  // Both are sent before either is read: what is written meanwhile lies between the two as seldom as can be.
  for (Side* const side : {cluster_.get(), server_.get()}) {
    const auto reason = side->send(sample);
    if (!reason) continue;
    if (*reason == ShadowDrop::Unreachable) fail(side->trouble());
    if (side == server_.get()) static_cast<void>(cluster_->receive());
    return drop(sample, *reason);
  }
  const Reply onServer = server_->receive();
  const Reply onCluster = cluster_->receive();
  if (onServer.isLost() || onCluster.isLost()) {
    fail(onServer.isLost() ? server_->trouble() : cluster_->trouble());
    return drop(sample, ShadowDrop::Unreachable);
  }
  if (!isAnswer(onServer) || !isAnswer(onCluster)) return end(sample, ShadowOutcome::Unanswered);
  const std::string server = essence(onServer, sample.order);
  const std::string cluster = essence(onCluster, sample.order);
  if (server == cluster) return end(sample, ShadowOutcome::Equal);
  if (before == nullptr) {
    if (doubtful_.size() >= kMostDoubtful) return drop(sample, ShadowDrop::Full);
    doubtful_.push_back({std::move(sample), Clock::now() + kSettle, kept(server), kept(cluster)});
    return;
  }
  if (kept(server) != before->server || kept(cluster) != before->cluster)
    return end(sample, ShadowOutcome::Changing);
  static log::RateLimit limit(1);
  log::write(limit, Clock::now(), log::Level::Warn, "shadow: the sides differ",
             {{"command", sample.command}, {"database", sample.database}, {"slot", cluster_->slot()}});
  end(sample, ShadowOutcome::Different);
}

}  // namespace slotless::shadow
