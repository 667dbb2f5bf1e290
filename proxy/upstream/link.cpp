#include "proxy/upstream/link.h"

#include <utility>

#include "proxy/upstream/link_probe.h"
#include "proxy/upstream/replica_role.h"

namespace slotless::upstream {

namespace {
// A node may take what is written as fast as it comes: others get their turn in between.
constexpr std::size_t kBytesAtOnce = 256U * 1024;
// A node that is there has been connected to and greeted by then.
constexpr net::Millis kBeginning{200};
}  // namespace

Link::Link(LinkHost& host, const LinkSettings& settings, net::Address node, telemetry::NodeMetrics& metrics)
    : host_(host),
      settings_(settings),
      metrics_(metrics),
      serial_(++host.linksMade),
      connection_(host.loop, host.scratch, std::move(node), &metrics, *this),
      output_(host.pool) {
  timer_ = host_.loop.makeTimer([this] { onTimer(); });
  if (settings_.readOnly) role_ = std::make_unique<ReplicaRole>(settings_.access.denials, this->node());
}

Link::~Link() {
  endOccupation();
}

bool Link::inStep() const noexcept {
  return role_ != nullptr && role_->inStep() && !deniesReads();
}

void Link::transition(LinkState next) {
  state_ = next;
  metrics_.state.set(static_cast<std::int64_t>(next));
  if (next == LinkState::Silent) {
    metrics_.silentSince.set(
        std::chrono::duration_cast<net::Millis>(lastProgress_.time_since_epoch()).count());
  } else if (next != LinkState::Ready) {
    metrics_.silentSince.set(0);
  }
}

void Link::onTimer() {
  host_.touch();
  if (state_ == LinkState::Connecting) return dial();
  if (state_ == LinkState::BackingOff) return unused() ? rest() : begin();
  endPatience();
}

void Link::open() {
  if (state_ != LinkState::Idle) return;
  lastUsed_ = openedAt_ = host_.now;
  begin();
}

void Link::openAhead() {
  if (state_ == LinkState::Idle) metrics_.missing.set(1);
  open();
}

void Link::begin() {
  transition(LinkState::Connecting);
  const net::Millis wait = host_.turnToDial(node(), settings_.role);
  if (wait.count() > 0) return timer_->start(wait);
  dial();
}

void Link::dial() {
  connection_.open(Handshake(settings_.access, settings_.protocol, AskId::IfAllowed, settings_.readOnly),
                   settings_.connectTimeout, backoff_.failures());
}

bool Link::beginning() const noexcept {
  const bool underWay = state_ == LinkState::Connecting || state_ == LinkState::Handshaking;
  return underWay && backoff_.failures() == 0 && host_.now - openedAt_ < kBeginning;
}

void Link::onGreeting() {
  transition(LinkState::Handshaking);
}

void Link::onConnectionUp() {
  host_.touch();
  backoff_.standing();  // of use with its first reply
  metrics_.connects.add();
  metrics_.missing.set(0);
  transition(LinkState::Ready);
  wasEverReady_ = true;
  lastProgress_ = host_.now;
  login_.greeted(connection_.greeting(), host_.now);
  unauthorised_.reset();
  if (role_ != nullptr) {
    role_->forget();
    beat();
  }
  if (holder_ != nullptr) holder_->onLeaseReady(*this);
  host_.onLinkReady(*this);
}

void Link::onConnectionLost(std::string_view reason) {
  host_.touch();
  lose(reason);
}

void Link::onRoom() {
  const std::size_t before = sent_;
  flush();
  if (sent_ > before) {  // it takes a long request, piece by piece
    host_.touch();
    lastProgress_ = host_.now;
  }
}

void Link::flush() {
  dirty_ = false;
  publishInFlight();
  if (!connection_.isUp()) return;
  const Connection::Written written = connection_.write(output_, sent_, kBytesAtOnce);
  sent_ += written.bytes;
  if (written.error != 0) lose(connection_.describe(written.error));
}

void Link::close() {
  connection_.close();
  endOccupation();
  readingPaused_ = false;
  probe_.reset();
  timer_->stop();
  breakage_ = {};
  transition(LinkState::BackingOff);
  beating_ = false;
  own_ = 0;
  login_.lost();
  // Exchanges whose clients have left still count their open legs.
  Ring<Entry> open = std::exchange(fifo_, {});
  std::size_t offset = 0;
  for (std::size_t i = 0; i < open.size(); ++i) {
    open[i].exchange->onLost(Loss::Sent,
                             SentRequest(output_, offset + open[i].prefix, open[i].length - open[i].prefix));
    offset += open[i].length;
  }
  output_.clear();
  sent_ = 0;
}

void Link::noteBreakage(Breakage::Cause cause, bool established) {
  breakage_ = {};
  if (!established) return;
  breakage_.cause = cause;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < fifo_.size() && offset < sent_; ++i) {
    ++breakage_.sent;
    offset += fifo_[i].length;
  }
  if (breakage_.sent == 0 || fifo_.front().exchange == &nobody() || fifo_.front().own == Own::Login) return;
  breakage_.front = fifo_.front().exchange;
  breakage_.ranLong = settings_.suspectAfter.count() > 0 && host_.now - frontSince_ >= settings_.suspectAfter;
}

void Link::lose(std::string_view reason, Breakage::Cause cause) {
  const std::string why(reason);  // may point into what is about to go
  const bool established = up();
  const net::Millis pause = pauseAfterLoss(established);
  noteBreakage(cause, established);
  connection_.close();
  endOccupation();
  login_.lost();
  probe_.reset();
  scanner_.reset();
  errorLine_.clear();
  scripts_.forget();
  push_.clear();
  early_ = false;
  beating_ = false;
  trusted_ = false;
  readingPaused_ = false;
  metrics_.losses.add();
  metrics_.inFlight.set(0);
  // That a node does not know a client's user says nothing about the node.
  const bool saysNothing = settings_.access.ofClient && connection_.unauthorised();
  metrics_.missing.set(settings_.role == LinkRole::Shared && !settings_.readOnly && !saysNothing ? 1 : 0);
  transition(LinkState::BackingOff);
  own_ = 0;
  if (settings_.role == LinkRole::Shared && !retired()) {
    timer_->start(pause);
  } else {
    timer_->stop();
  }

  Ring<Entry> open = std::exchange(fifo_, {});
  net::ByteChain bytes = std::exchange(output_, net::ByteChain(host_.pool));
  const std::size_t sent = std::exchange(sent_, 0);
  std::size_t offset = 0;
  for (std::size_t i = 0; i < open.size(); ++i) {
    const Entry& entry = open[i];
    const Loss loss = offset + entry.length > sent ? Loss::Unsent : Loss::Sent;
    entry.exchange->onLost(loss, SentRequest(bytes, offset + entry.prefix, entry.length - entry.prefix));
    offset += entry.length;
  }
  if (holder_ != nullptr) holder_->onLeaseLost(*this);
  host_.onLinkLost(*this, why, established);
}

}  // namespace slotless::upstream
