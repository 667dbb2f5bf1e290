// Whether a link is well, and whether its node is still who it was.
#include <algorithm>
#include <utility>

#include "proxy/upstream/link.h"
#include "proxy/upstream/link_probe.h"
#include "proxy/upstream/replica_role.h"

namespace slotless::upstream {

namespace {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kRole = "*1\r\n$4\r\nROLE\r\n";
// How often a replica is asked whether it is in step.
constexpr net::Millis kRoleEvery{1000};
// A silence that is shorter is nothing unusual: for it no connection is made.
constexpr net::Millis kProbedAfter{1000};
// A heartbeat without an answer for so many times its period: the connection is only half there.
constexpr int kHeartbeatsMissed = 2;
// A master that hands over answers everything within that time, on a busy machine too; one that has been
// silent for so long already has only the shorter time.
constexpr net::Millis kPatienceWithRetired{500};
constexpr net::Millis kLeastPatience{250};

// Any answer to a heartbeat will do, an error too; so will one that has come too late.
class UnheardExchange final : public Exchange {
 public:
  void onReply(std::string_view, bool) override {}
  void onErrorReply(std::string_view, const SentRequest&) override {}
  void onLost(Loss, const SentRequest&) override {}
};
UnheardExchange unheardExchange;  // without state: all threads may share it

}  // namespace

Exchange& Link::nobody() noexcept {
  return unheardExchange;
}

void Link::retire() {
  if (belief_.doubtful()) return;
  belief_.retire(host_.now);
  if (!up() || fifo_.empty()) return;
  const auto left = kPatienceWithRetired - std::chrono::duration_cast<net::Millis>(silence());
  timer_->start(std::max(kLeastPatience, left));
}

void Link::trustAgain() {
  if (!belief_.doubtful()) return;
  belief_.trustAgain();
  if (up()) timer_->stop();
}

void Link::grantPatience() {
  timer_->start(kPatienceWithRetired);
}

void Link::endPatience() {
  if (fifo_.empty()) return;
  if (!scanner_.idle() && silence() < kLeastPatience) return timer_->start(kLeastPatience);
  lose("no answer, and its node is not the master any more", Breakage::Cause::Forsaken);
}

void Link::hearNode() {
  lastProgress_ = host_.now;
  backoff_.ofUse();
  if (probe_ != nullptr) {
    probe_.reset();
    metrics_.silentSince.set(0);
  }
  trusted_ = false;
  if (state_ != LinkState::Silent) return;
  metrics_.silentSince.set(0);
  transition(LinkState::Ready);
  host_.onLinkSilence(*this, false);
}

void Link::pauseReading() {
  if (readingPaused_ || !ready()) return;
  readingPaused_ = true;
  connection_.setReading(false);
}

void Link::resumeReading() {
  if (!readingPaused_) return;
  readingPaused_ = false;
  lastProgress_ = host_.now;
  connection_.setReading(true);
}

bool Link::unused() const noexcept {
  return settings_.role == LinkRole::Shared && settings_.idleTimeout.count() > 0 && inFlight() == 0 &&
         host_.now - lastUsed_ >= settings_.idleTimeout;
}

// Nobody is told: there is nothing that anybody waits for.
void Link::rest() {
  close();
  scanner_.reset();
  errorLine_.clear();
  push_.clear();
  scripts_.forget();
  early_ = trusted_ = false;
  backoff_.ofUse();
  metrics_.inFlight.set(0);
  metrics_.missing.set(0);
  transition(LinkState::Idle);
}

void Link::tend(bool maySuspect, bool mayJudge) {
  if (up() && !retired() && unused()) return rest();
  keepLogin();
  if (!up() || retired() || readingPaused_) return;
  if (settings_.heartbeat.count() > 0 && beating_ && fifo_.size() == 1 &&
      silence() >= kHeartbeatsMissed * settings_.heartbeat)
    return lose("no answer to a heartbeat", Breakage::Cause::Forsaken);
  if (role_ != nullptr && !beating_ && host_.now - role_->askedAt() >= kRoleEvery) beat();
  if (fifo_.empty()) {
    const bool due = settings_.heartbeat.count() > 0 && host_.now - lastProgress_ >= settings_.heartbeat;
    if (due) beat();
    return;
  }
  if (settings_.suspectAfter.count() == 0 || silence() < settings_.suspectAfter) return;
  if (maySuspect && !trusted_ && state_ == LinkState::Ready) {
    transition(LinkState::Silent);
    host_.onLinkSilence(*this, true);
  }
  if (!mayJudge || silence() < kProbedAfter) return;
  if (probe_ == nullptr) probe_ = std::make_unique<LinkProbe>(host_, settings_, node(), nodeClientId());
  if (probe_->showsDead(silence()))
    lose("no answer, but the node answers on another connection", Breakage::Cause::DeadFlow);
}

bool Link::trustSilent() {
  if (state_ == LinkState::Silent) {
    trusted_ = true;
    transition(LinkState::Ready);
  }
  return up() && trusted_;
}

void Link::beat() {
  if (role_ != nullptr) role_->asked(host_.now);
  beating_ = true;
  if (role_ != nullptr) return pushOwn(*role_, kRole, Own::Heartbeat);
  pushOwn(nobody(), kPing, Own::Heartbeat);
}

void Link::pushOwn(Exchange& exchange, std::string_view request, Own own) {
  beginEntry(Front::None);
  output_.append(request);
  fifo_.push({&exchange, request.size(), 0, 0, false, host_.now, own});
  ++own_;
}

void Link::checkReplyTimeout(net::TimePoint now) {
  if (settings_.replyTimeout.count() == 0 || fifo_.empty() || readingPaused_) return;
  if (now - std::max(lastProgress_, frontSince_) <= settings_.replyTimeout) return;
  Entry& late = fifo_.front();
  if (late.length > sent_) return lose("a request not taken in time");
  if (late.exchange == &nobody() || late.own == Own::Login) return;
  Exchange* exchange = std::exchange(late.exchange, &nobody());
  // A copy of the entry: what is called may send, and so grow the queue.
  const Entry entry = late;
  exchange->onLost(Loss::Late, SentRequest(output_, entry.prefix, entry.length - entry.prefix));
}

}  // namespace slotless::upstream
