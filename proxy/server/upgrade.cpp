// SIGUSR2: another process, of the binary that there is now, takes this one's place. It gets the listening
// sockets, so nobody is refused meanwhile; and it accepts clients only once it could serve them.
#include <unistd.h>

#include <string>

#include "proxy/server/server.h"
#include "proxy/server/service_manager.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {
constexpr net::Millis kReadinessCheck{20};
constexpr net::Millis kOpenAgain{20};
}  // namespace

void Server::upgrade() {
  if (stopping_.load()) return log::warn("no upgrade: this process is about to end");
  if (successor_ != nullptr)
    return log::warn("no upgrade: one is under way", {{"successor", successor_->pid()}});
  if (getpid() == 1)
    return log::warn("no upgrade: when process 1 of a container ends, so does its successor");
  if (takeOverTimer_ != nullptr) return log::warn("no upgrade: this process is not ready itself");
  Successor::Events events;
  events.ready = [this] { handOver(); };
  events.failed = [this](const std::string& why) {
    log::error("upgrade failed, this process goes on", {{"successor", successor_->pid()}, {"why", why}});
    successor_.reset();
  };
  std::string error;
  successor_ =
      Successor::start(loop_, invocation_, listeners_, config_->upgradeTimeout, std::move(events), error);
  if (successor_ == nullptr)
    return log::error("upgrade failed, this process goes on",
                      {{"program", invocation_.arguments.front()}, {"why", error}});
  log::info("upgrade begun", {{"program", invocation_.arguments.front()}, {"successor", successor_->pid()}});
}

void Server::handOver() {
  log::info("upgrade: the successor accepts clients", {{"successor", successor_->pid()}});
  stopping_.store(true);
  tellServiceManager("MAINPID=" + std::to_string(successor_->pid()));
  for (const auto& listener : listeners_) listener->socket().leaveFile();
  listeners_.clear();
  admin_.reset();
  pidFile_.leave();
  successor_->tellDone();
  drain(config_->upgradeDrainTimeout);
}

void Server::awaitReadiness() {
  // Whether the predecessor is done or gone: if it is gone, clients wait in the listening sockets.
  predecessor_ = std::make_unique<Predecessor>(loop_, passedOn_.predecessor, [this] {
    if (listeners_.empty()) takeOver();
    takeTheRest();
  });
  takeOverTimer_ = loop_.makeTimer([this] {
    if (commandsSettled_ && !whyNotReady()) {
      takeOver();
    } else {
      takeOverTimer_->start(kReadinessCheck);
    }
  });
  takeOverTimer_->start(kReadinessCheck);
}

void Server::takeOver() {
  if (const auto error = openListeners()) log::error(*error);  // none can be: they are open
  predecessor_->tellReady();
}

void Server::takeTheRest() {
  const auto error = openAdmin();
  if (error) {
    static log::RateLimit often(1);
    log::write(often, loop_.now(), log::Level::Warn, *error);
    takeOverTimer_ = loop_.makeTimer([this] { takeTheRest(); });
    return takeOverTimer_->start(kOpenAgain);
  }
  takeOverTimer_.reset();
  if (!config_->pidFile.empty()) {
    const std::string problem = pidFile_.write(config_->pidFile);
    if (!problem.empty())
      log::error("pid file not written", {{"file", config_->pidFile}, {"error", problem}});
  }
  log::info("slotless ready to accept clients", {{"workers", workers_.size()}, {"pid", getpid()}});
  tellServiceManager("READY=1");
}

}  // namespace slotless::server
