#include "proxy/subcommand/stop_signal.h"

#include <atomic>
#include <csignal>

namespace slotless::subcommand {

namespace {

std::atomic<bool> stopAsked{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void note(int number) {
  stopAsked = true;
  std::signal(number, SIG_DFL);
}

}  // namespace

void catchStopSignals() {
  std::signal(SIGTERM, note);
  std::signal(SIGINT, note);
}

bool stopSignalled() noexcept {
  return stopAsked;
}

}  // namespace slotless::subcommand
