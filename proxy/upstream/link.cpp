#include "proxy/upstream/link.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/upstream/link_probe.h"
#include "proxy/upstream/replica_role.h"

namespace slotless::upstream {

namespace {

constexpr std::array<std::string_view, 4> kFronts = {
    "",
    "*1\r\n$6\r\nASKING\r\n",
    "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n",
    "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$2\r\nNO\r\n",
};
// An error reply longer than this is not held back for classification any more: the node is talking garbage.
constexpr std::size_t kMaxErrorLine = 1024U * 1024;
// Nor a push: it holds at most the names of the keys that changed within one turn of the node.
constexpr std::size_t kMaxPush = 256U * 1024 * 1024;
constexpr std::size_t kPiecesPerWrite = 64;
// A master that hands over answers everything within that time, on a busy machine too; one that has been
// silent for so long already has only the shorter time.
constexpr net::Millis kPatienceWithRetired{500};
constexpr net::Millis kLeastPatience{250};
// What it has answered before it was replaced has arrived by then.
constexpr net::Millis kTrustInRetired{100};
// A node may take what is written as fast as it comes: others get their turn in between.
constexpr std::size_t kBytesAtOnce = 256U * 1024;
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kRole = "*1\r\n$4\r\nROLE\r\n";
// How often a replica is asked whether it is in step.
constexpr net::Millis kRoleEvery{1000};
// A silence that is shorter is nothing unusual: for it no connection is made.
constexpr net::Millis kProbedAfter{1000};
// A reply that is shorter is taken in any case.
constexpr std::uint64_t kLargeReply = 256U * 1024;
// A heartbeat without an answer for so many times its period: the connection is only half there.
constexpr int kHeartbeatsMissed = 2;

// Any answer to a heartbeat will do, an error too.
class HeartbeatExchange final : public Exchange {
 public:
  void onReply(std::string_view, bool) override {}
  void onErrorReply(std::string_view, const SentRequest&) override {}
  void onLost(Loss, const SentRequest&) override {}
};
HeartbeatExchange heartbeatExchange;  // without state: all threads may share it
// In the place of one that has waited too long.
HeartbeatExchange lateExchange;

}  // namespace

std::string_view textOf(Front front) noexcept {
  return kFronts[static_cast<std::size_t>(front)];
}

Link::Link(LinkHost& host, const LinkSettings& settings, net::Address node, telemetry::NodeMetrics& metrics)
    : host_(host), settings_(settings), node_(std::move(node)), metrics_(metrics), output_(host.pool) {
  timer_ = host_.loop.makeTimer([this] { onTimer(); });
  if (settings_.readOnly) role_ = std::make_unique<ReplicaRole>();
}

Link::~Link() = default;

bool Link::inStep() const noexcept {
  return role_ != nullptr && role_->inStep();
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
  if (state_ == LinkState::BackingOff) {
    transition(LinkState::Idle);
    open();
  } else if (!up()) {
    lose("no connection in time");
  } else if (!fifo_.empty()) {
    host_.touch();
    if (!scanner_.idle() && silence() < kLeastPatience) return timer_->start(kLeastPatience);
    lose("no answer, and its node is not the master any more", Breakage::Cause::Forsaken);
  }
}

void Link::retire() {
  if (retired_ && !trustedAgain_) return;
  retired_ = host_.now;
  trustedAgain_ = false;
  if (!up() || fifo_.empty()) return;
  const auto left = kPatienceWithRetired - std::chrono::duration_cast<net::Millis>(silence());
  timer_->start(std::max(kLeastPatience, left));
}

void Link::trustAgain() {
  if (!retired_ || trustedAgain_) return;
  trustedAgain_ = true;
  if (up()) timer_->stop();
}

bool Link::believable(bool isError) const noexcept {
  return !retired_ || trustedAgain_ || isError || host_.now - *retired_ <= kTrustInRetired;
}

void Link::open() {
  if (state_ != LinkState::Idle) return;
  transition(LinkState::Connecting);
  timer_->start(settings_.connectTimeout);
  if (net::isNumericHost(node_.host)) return connectTo(node_);
  host_.loop.resolve(node_.host,
                     [this, alive = std::weak_ptr<int>(alive_)](const net::Resolution& resolution) {
                       if (alive.expired() || state_ != LinkState::Connecting || stream_ != nullptr) return;
                       if (resolution.addresses.empty()) return lose(resolution.error);
                       connectTo({resolution.addresses[failures_ % resolution.addresses.size()], node_.port});
                     });
}

void Link::connectTo(const net::Address& numeric) {
  int error = 0;
  stream_ = host_.loop.connect(numeric, *this, error);
  if (stream_ == nullptr) lose(std::strerror(error));
}

void Link::onWritable() {
  if (state_ == LinkState::Connecting) {
    if (const int error = stream_->connectError(); error != 0) return lose(std::strerror(error));
    return startHandshake();
  }
  const std::size_t before = sent_;
  flush();
  if (sent_ > before) {  // it takes a long request, piece by piece
    host_.touch();
    lastProgress_ = host_.now;
  }
}

void Link::startHandshake() {
  transition(LinkState::Handshaking);
  handshake_ = std::make_unique<cluster::Handshake>(
      settings_.credentials, settings_.clientName, settings_.protocol,
      settings_.role == LinkRole::Lease ? cluster::AskId::Always : cluster::AskId::IfAllowed,
      settings_.readOnly);
  output_.append(handshake_->bytes());
  stream_->watch(true, false);
  flush();
}

void Link::onReadable() {
  host_.touch();
  const net::IoResult got = stream_->read(host_.scratch.data(), host_.scratch.size());
  switch (got.status) {
    case net::IoStatus::WouldBlock: return;
    case net::IoStatus::End: return lose("closed by the node");
    case net::IoStatus::Failed: return lose(std::strerror(got.error));
    case net::IoStatus::Ok: break;
  }
  metrics_.bytesReceived.add(got.bytes);
  const std::string_view bytes(host_.scratch.data(), got.bytes);
  if (state_ == LinkState::Handshaking) return takeHandshake(bytes);
  takeReplies(bytes);
  publishInFlight();
}

void Link::publishInFlight() noexcept {
  metrics_.inFlight.set(static_cast<std::int64_t>(inFlight()));
}

void Link::takeHandshake(std::string_view bytes) {
  switch (handshake_->take(bytes)) {
    case cluster::Handshake::Progress::More: return;
    case cluster::Handshake::Progress::Failed: return lose(std::string(handshake_->error()));
    case cluster::Handshake::Progress::Done: break;
  }
  nodeClientId_ = handshake_->clientId();
  handshake_.reset();
  timer_->stop();
  output_.clear();
  sent_ = 0;
  failures_ = std::min<std::uint32_t>(failures_, 1);  // to 0 with its first reply
  metrics_.connects.add();
  transition(LinkState::Ready);
  wasEverReady_ = true;
  lastProgress_ = host_.now;
  if (role_ != nullptr) {
    role_->forget();
    beat();
  }
  if (holder_ != nullptr) holder_->onLeaseReady(*this);
  host_.onLinkReady(*this);
}

void Link::takeReplies(std::string_view bytes) {
  hearNode();
  while (!bytes.empty()) {
    const bool first = scanner_.idle();
    const protocol::ReplyScanner::Result result = scanner_.scan(bytes);
    if (result.status == protocol::ReplyScanner::Status::Error) return lose("a reply that is not RESP");
    const std::string_view piece = bytes.substr(0, result.consumed);
    const bool complete = result.status == protocol::ReplyScanner::Status::Complete;
    bytes.remove_prefix(result.consumed);
    if (scanner_.isPush()) {
      if (!takePush(piece, complete)) return lose("a push that nobody asked for");
      continue;
    }
    if (fifo_.empty()) return lose("a reply that nobody asked for");
    if (!takePiece(piece, first, complete)) return;
  }
}

// Pushes come between replies, whether or not a request is open. False: nobody here wants it.
bool Link::takePush(std::string_view piece, bool complete) {
  if (holder_ == nullptr || push_.size() + piece.size() > kMaxPush) return false;
  if (!complete || !push_.empty()) push_.append(piece);
  if (!complete) return true;
  scanner_.reset();
  const std::string whole = std::exchange(push_, {});
  return holder_->onPush(*this, whole.empty() ? piece : std::string_view(whole));
}

// False: the link has been lost.
bool Link::takePiece(std::string_view piece, bool first, bool complete) {
  const Entry entry = fifo_.front();  // a copy: what is called below may send, and so grow the queue
  const bool isError = scanner_.type() == '-';
  // The answer to ASKING may come while the request behind it is still being sent.
  if ((entry.skip > 0 ? entry.prefix : entry.length) > sent_) {
    // A node may refuse a request before it has read it all (too large); then it closes the connection.
    if (!isError) {
      lose("a reply before its request was sent");
      return false;
    }
    early_ = true;
  }
  if (entry.skip > 0) {
    skipReply(entry, piece, complete);
    return true;
  }
  if (first && !believable(isError)) {
    lose("a reply of a node that has not been the master for a while");
    return false;
  }
  if (!isError) {
    if (first && !complete && declined(entry)) return true;
    if (complete) count(entry, false);
    entry.exchange->onReply(piece, complete);
    if (complete) finishFront();
    return true;
  }
  if (!complete || !errorLine_.empty()) errorLine_.append(piece);
  if (!complete) {
    if (errorLine_.size() <= kMaxErrorLine) return true;
    lose("an error reply without an end");
    return false;
  }
  count(entry, true);
  const std::string line = std::exchange(errorLine_, {});
  entry.exchange->onErrorReply(line.empty() ? piece : std::string_view(line),
                               SentRequest(output_, entry.prefix, entry.length - entry.prefix));
  const bool early = early_;
  finishFront();
  if (early) lose("a request refused before it was sent");
  return !early;
}

// A shared link is never paused for one client: a reply that is too much for it is asked for elsewhere.
bool Link::declined(const Entry& entry) {
  const std::uint64_t left = scanner_.payloadLeft();
  if (settings_.role != LinkRole::Shared || left < kLargeReply) return false;
  if (!entry.exchange->declines(left, SentRequest(output_, entry.prefix, entry.length - entry.prefix)))
    return false;
  fifo_.front().exchange = &lateExchange;
  return true;
}

void Link::hearNode() {
  lastProgress_ = host_.now;
  failures_ = 0;
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
  stream_->watch(false, sent_ < output_.size());
}

void Link::resumeReading() {
  if (!readingPaused_) return;
  readingPaused_ = false;
  lastProgress_ = host_.now;
  stream_->watch(true, sent_ < output_.size());
}

void Link::tend(bool maySuspect, bool mayJudge) {
  if (!up() || retired_ || readingPaused_) return;
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
  if (probe_ == nullptr) probe_ = std::make_unique<LinkProbe>(host_, settings_, node_, nodeClientId_);
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
  beginEntry(Front::None);
  Exchange& exchange = role_ != nullptr ? static_cast<Exchange&>(*role_) : heartbeatExchange;
  const std::string_view request = role_ != nullptr ? kRole : kPing;
  if (role_ != nullptr) role_->asked(host_.now);
  output_.append(request);
  fifo_.push({&exchange, request.size(), 0, 0, false, host_.now, true});
  beating_ = true;
}

void Link::count(const Entry& entry, bool failed) {
  if (entry.heartbeat) return;
  if (failed) metrics_.errors.add();
  metrics_.latency.record(std::chrono::duration_cast<std::chrono::microseconds>(host_.now - entry.sent));
}

void Link::skipReply(const Entry& entry, std::string_view piece, bool complete) {
  const bool isError = scanner_.type() == '-';
  if (isError) errorLine_.append(piece);
  if (!complete) return;
  fifo_.front().skip--;
  fifo_.front().front = false;
  scanner_.reset();
  // A refused ASKING shows in the reply to the request itself; CLIENT CACHING is only sent where it fits.
  if (isError && !entry.front) entry.exchange->onPreludeError(errorLine_);
  errorLine_.clear();
}

void Link::finishFront() {
  const std::uint64_t length = std::min<std::uint64_t>(fifo_.front().length, output_.size());
  if (fifo_.front().heartbeat) beating_ = false;
  fifo_.pop();
  frontSince_ = host_.now;
  output_.consume(length);
  sent_ -= std::min<std::size_t>(sent_, length);
  scanner_.reset();
  early_ = false;
}

void Link::beginEntry(Front front) {
  if (fifo_.empty()) lastProgress_ = frontSince_ = host_.now;
  if (front != Front::None) output_.append(textOf(front));
  if (!dirty_) {
    dirty_ = true;
    host_.onLinkDirty(*this);
  }
}

void Link::endEntry(Exchange& exchange, Front front, std::uint32_t preludes, std::size_t sizeBefore) {
  const bool fronted = front != Front::None;
  fifo_.push({&exchange, output_.size() - sizeBefore, static_cast<std::uint32_t>(textOf(front).size()),
              preludes + (fronted ? 1U : 0U), fronted, host_.now});
  metrics_.requests.add();
  if (retired_ && !trustedAgain_ && !timer_->active()) timer_->start(kPatienceWithRetired);
}

void Link::send(Exchange& exchange, std::string_view request, Front front) {
  const std::size_t before = output_.size();
  beginEntry(front);
  output_.append(request);
  endEntry(exchange, front, 0, before);
}

void Link::send(Exchange& exchange, net::BlockPtr request, Front front) {
  const std::size_t before = output_.size();
  beginEntry(front);
  output_.append(std::move(request));
  endEntry(exchange, front, 0, before);
}

void Link::send(Exchange& exchange, net::ByteChain& request, Front front, std::uint32_t preludes) {
  const std::size_t before = output_.size();
  beginEntry(front);
  output_.splice(request);
  endEntry(exchange, front, preludes, before);
}

std::optional<SentRequest> Link::requestOf(const Exchange& exchange) const {
  if (fifo_.empty() || fifo_.front().exchange != &exchange) return std::nullopt;
  const Entry& entry = fifo_.front();
  return SentRequest(output_, entry.prefix, entry.length - entry.prefix);
}

void Link::flush() {
  dirty_ = false;
  publishInFlight();
  if (stream_ == nullptr) return;
  std::array<iovec, kPiecesPerWrite> pieces;
  const std::size_t before = sent_;
  while (sent_ < output_.size() && sent_ - before < kBytesAtOnce) {
    const std::size_t count = output_.gather(pieces, sent_);
    const net::IoResult written = stream_->write({pieces.data(), count});
    if (written.status == net::IoStatus::Failed) {
      // Answers may have come in before the connection broke. Reading comes upon its end, too.
      if (written.error == EPIPE || written.error == ECONNRESET) return stream_->watch(true, false);
      return lose(std::strerror(written.error));
    }
    if (written.status == net::IoStatus::WouldBlock) break;
    sent_ += written.bytes;
    metrics_.bytesSent.add(written.bytes);
  }
  stream_->watch(!readingPaused_, sent_ < output_.size());
}

void Link::close() {
  stream_.reset();
  readingPaused_ = false;
  probe_.reset();
  timer_->stop();
  breakage_ = {};
  transition(LinkState::BackingOff);
  beating_ = false;
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

void Link::checkReplyTimeout(net::TimePoint now) {
  if (settings_.replyTimeout.count() == 0 || fifo_.empty() || readingPaused_) return;
  if (now - std::max(lastProgress_, frontSince_) <= settings_.replyTimeout) return;
  Entry& late = fifo_.front();
  if (late.length > sent_) return lose("a request not taken in time");
  if (late.heartbeat || late.exchange == &lateExchange) return;
  Exchange* exchange = std::exchange(late.exchange, &lateExchange);
  // A copy of the entry: what is called may send, and so grow the queue.
  const Entry entry = late;
  exchange->onLost(Loss::Late, SentRequest(output_, entry.prefix, entry.length - entry.prefix));
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
  if (breakage_.sent == 0 || fifo_.front().heartbeat || fifo_.front().exchange == &lateExchange) return;
  breakage_.front = fifo_.front().exchange;
  breakage_.ranLong = settings_.suspectAfter.count() > 0 && host_.now - frontSince_ >= settings_.suspectAfter;
}

void Link::lose(std::string_view reason, Breakage::Cause cause) {
  const std::string why(reason);  // may point into what is about to go
  const bool established = up();
  noteBreakage(cause, established);
  stream_.reset();
  probe_.reset();
  handshake_.reset();
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
  transition(LinkState::BackingOff);
  // The first attempt after a link that worked is made at once; then the pauses double, with jitter. A link
  // that broke before it had answered anything counts as one that was never made.
  net::Millis pause{0};
  if (!established || failures_ > 0) {
    const auto doubled = settings_.backoffMin.count() << std::min<std::uint32_t>(failures_, 16);
    const auto full = std::min<net::Millis::rep>(doubled, settings_.backoffMax.count());
    pause = net::Millis(full / 2 + host_.random(static_cast<std::uint32_t>(full / 2 + 1)));
  }
  ++failures_;
  if (settings_.role == LinkRole::Shared && !retired_) {
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
