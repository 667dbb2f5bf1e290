#include "proxy/migrate/attendance.h"

#include <utility>

#include "config/side_words.h"

namespace slotless::migrate {

using Clock = std::chrono::steady_clock;

namespace {

// So long it is looked at often, if nothing comes of it.
constexpr std::chrono::seconds kProxyPatience{60};
constexpr std::chrono::milliseconds kAskProxyAgain{100};

}  // namespace

Attendance::Attendance(Journal& journal, const config::Config& config, Hooks hooks)
    : journal_(journal),
      decision_(config),
      hooks_(std::move(hooks)),
      here_(config::kServerSide),
      there_(config::kClusterSide) {}

std::optional<config::Upstream> Attendance::begin(std::string& error) {
  const auto side = decision_.settle(error);
  if (side == config::Upstream::Cluster) std::swap(here_, there_);
  return side;
}

void Attendance::look(const Journal::Fields& fields) {
  const std::string wanted = Journal::fieldOf(fields, "cut_over");
  if (phase_ == Phase::Away && !wanted.empty() && wanted != id_) {
    id_ = wanted;
    since_ = Clock::now();
    transition(Phase::Opening);
  }
  if (phase_ == Phase::Opening && hooks_.openWayBack()) {
    transition(Phase::Watching);
    journal_.write({{"attending", id_}});
    hooks_.say("a cut-over is prepared");
  }
  if (phase_ == Phase::Watching && Journal::fieldOf(fields, "drain") == id_) {
    since_ = Clock::now();
    transition(Phase::Draining);
  }
  if (phase_ == Phase::Draining && hooks_.drained(since_)) {
    hooks_.freeze(true);
    transition(Phase::Freezing);
  }
  if (phase_ == Phase::Freezing && hooks_.atRest()) {
    transition(Phase::Frozen);
    journal_.write({{"drained", id_}});
  }
  if (phase_ == Phase::Frozen) askDecision();
  const bool waits = often() && phase_ != Phase::Frozen && phase_ != Phase::Over;
  if (waits && (wanted != id_ || Clock::now() - since_ > kProxyPatience)) giveUp();
}

void Attendance::giveUp() {
  hooks_.say("the cut-over was given up, and the copy goes on");
  hooks_.closeWayBack();
  hooks_.freeze(false);
  transition(Phase::Away);
}

void Attendance::goOn() {
  std::swap(here_, there_);
  transition(Phase::Away);
}

void Attendance::askDecision() {
  if (Clock::now() - asked_ < kAskProxyAgain) return;
  asked_ = Clock::now();
  std::string error;
  const auto side = decision_.look(error);
  if (!side || *side == config::pendingSide(id_, there_)) return;
  if (*side == there_) return transition(Phase::Over);
  giveUp();
}

}  // namespace slotless::migrate
