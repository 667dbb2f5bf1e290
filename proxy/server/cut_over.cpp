#include "proxy/server/cut_over.h"

#include <algorithm>
#include <utility>

#include "config/side_words.h"
#include "protocol/encoder.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {

using config::kClusterSide;
using config::kServerSide;
using session::CutOverStep;

constexpr net::Millis kLookAtDecision{5};
constexpr net::Millis kAskAgain{200};
constexpr net::Millis kAnnounce{3000};
// Of who has been forgotten: for what is under way, which is tried again.
constexpr net::Millis kLatePatience{10000};
constexpr std::string_view kLate = "late";

std::string errorReply(const std::string& text) {
  std::string reply;
  protocol::appendError(reply, "ERR " + text);
  return reply;
}

std::string okReply() {
  std::string reply;
  protocol::appendSimple(reply, "OK");
  return reply;
}

std::string_view wantedBy(const CutOverStep& step) {
  return step.toServer ? kServerSide : kClusterSide;
}

// As people call it.
std::string nameOfSide(std::string_view side) {
  return side == kClusterSide ? "the cluster" : "the server";
}

std::string_view nameOf(CutOver::Phase phase) {
  switch (phase) {
    case CutOver::Phase::Serving: return "serving";
    case CutOver::Phase::Emptying: return "emptying";
    case CutOver::Phase::Waiting: return "waiting";
    case CutOver::Phase::Settling: return "settling";
    case CutOver::Phase::Moving: return "moving";
  }
  return "";
}

}  // namespace

CutOver::CutOver(net::Loop& loop, Hooks hooks, std::string process, bool onCluster)
    : loop_(loop),
      hooks_(std::move(hooks)),
      process_(std::move(process)),
      here_(onCluster ? kClusterSide : kServerSide),
      there_(onCluster ? kServerSide : kClusterSide),
      timer_(loop.makeTimer([this] { onTimer(); })),
      announcing_(loop.makeTimer([this] { announce(); })) {
  announcing_->start(net::Millis{0});
}

void CutOver::take(const CutOverStep& step, Done done) {
  switch (step.kind) {
    case CutOverStep::Kind::Status: {
      std::string reply;
      protocol::appendBulk(reply, status());
      return done(std::move(reply));
    }
    case CutOverStep::Kind::Prepare: return prepare(step, std::move(done));
    case CutOverStep::Kind::Settle: break;
  }
  if (phase_ == Phase::Serving && here_ == wantedBy(step)) return done(okReply());
  // It has lost its patience at that very moment.
  if ((phase_ == Phase::Settling || phase_ == Phase::Moving) && step.id == id_ && done_ == nullptr) {
    done_ = std::move(done);
    return;
  }
  if (phase_ != Phase::Waiting || step.id != id_)
    return done(errorReply("this cut-over is not waiting to be settled; the proxy is " +
                           std::string(nameOf(phase_))));
  done_ = std::move(done);
  settle();
}

std::string CutOver::status() const {
  const std::string objection = hooks_.objection();
  return "side:" + std::string(here_) + "\r\nprocess:" + process_ +
         "\r\nphase:" + std::string(nameOf(phase_)) + "\r\nready:" + (objection.empty() ? "yes" : "no") +
         "\r\nobjection:" + objection + "\r\n";
}

// --- not to be forgotten ---

void CutOver::announce() {
  hooks_.announce([this](const std::optional<std::string>& side) { onAnnounced(side); });
}

void CutOver::onAnnounced(const std::optional<std::string>& side) {
  announcing_->start(kAnnounce);
  if (phase_ != Phase::Serving || side != there_ || !hooks_.objection().empty()) return;
  log::error("the other side is in force without this proxy, which goes over now", {{"side", there_}});
  empty(std::string(kLate), kLatePatience, net::Millis{1});
}

// --- emptying ---

void CutOver::prepare(const CutOverStep& step, Done done) {
  if (phase_ != Phase::Serving)
    return done(errorReply("another cut-over is under way; the proxy is " + std::string(nameOf(phase_))));
  if (here_ == wantedBy(step)) return done(errorReply(nameOfSide(here_) + " is in force already"));
  if (const std::string objection = hooks_.objection(); !objection.empty())
    return done(errorReply(objection));
  done_ = std::move(done);
  empty(step.id, step.patience, step.hold);
}

void CutOver::empty(std::string id, net::Millis patience, net::Millis hold) {
  transition(Phase::Emptying);
  id_ = std::move(id);
  hold_ = hold;
  shutSince_ = loop_.now();
  deadline_ = shutSince_ + patience;
  log::warn("cut-over begins: clients wait", {{"id", id_}});
  hooks_.shutGates(true);
  lookAgain();
}

void CutOver::onTimer() {
  if (phase_ == Phase::Emptying) return lookAgain();
  settle();
}

void CutOver::lookAgain() {
  hooks_.look([this](const session::CalledBack& found) { onLook(found); });
}

void CutOver::onLook(const session::CalledBack& found) {
  if (phase_ != Phase::Emptying) return;
  if (found.isDenied)
    return giveUp(
        "clients are blocked, and the server does not tell the proxy's connections their CLIENT ID");
  if (found.underWay == 0 && found.blocked == 0) {
    transition(Phase::Waiting);
    const auto passed = std::chrono::duration_cast<net::Millis>(loop_.now() - shutSince_);
    timer_->start(std::max(hold_ - passed, net::Millis{1}));
    return answer(okReply());
  }
  if (loop_.now() >= deadline_)
    return giveUp(std::to_string(found.underWay + found.blocked) + " requests are still under way");
  timer_->start(kLookAtDecision);
}

// It has promised nothing yet.
void CutOver::giveUp(const std::string& why) {
  open(why);
  answer(errorReply(why));
}

// --- settling ---

void CutOver::settle() {
  transition(Phase::Settling);
  timer_->stop();
  hooks_.settle(config::pendingSide(id_, there_), std::string(here_),
                [this](const std::optional<std::string>& side) { onSettled(side); });
}

void CutOver::onSettled(const std::optional<std::string>& side) {
  if (!side) {
    static log::RateLimit limit(1);
    log::write(limit, loop_.now(), log::Level::Error,
               "the cluster does not tell what has been decided, clients wait", {{"id", id_}});
    timer_->start(kAskAgain);
    return;
  }
  if (*side != there_) {
    open("it was given up");
    return answer(errorReply("the cut-over was given up; " + nameOfSide(here_) + " is in force as before"));
  }
  transition(Phase::Moving);
  hooks_.move([this] {
    std::swap(here_, there_);
    const auto pause = std::chrono::duration_cast<net::Millis>(loop_.now() - shutSince_);
    log::warn("cut-over done: " + nameOfSide(here_) + " is in force",
              {{"id", id_}, {"pause_ms", pause.count()}});
    transition(Phase::Serving);
    answer(okReply());
  });
}

void CutOver::open(const std::string& why) {
  transition(Phase::Serving);
  timer_->stop();
  hooks_.shutGates(false);
  log::warn("cut-over given up: " + nameOfSide(here_) + " stays in force", {{"id", id_}, {"reason", why}});
}

void CutOver::answer(const std::string& reply) {
  if (Done done = std::exchange(done_, nullptr)) done(reply);
}

}  // namespace slotless::server
