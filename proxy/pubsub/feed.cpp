#include "proxy/pubsub/feed.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace slotless::pubsub {

using telemetry::LinkState;

namespace {
// A buffer that grew larger for one message is not kept for the next.
constexpr std::size_t kKeepBytes = 64U * 1024;
constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kNoAuth = "-NOAUTH ";
// With subscriptions, and without.
constexpr std::string_view kPongs[] = {"*2\r\n$4\r\npong\r\n$0\r\n\r\n", "+PONG\r\n"};
// Between two looks whether it says anything.
constexpr net::Millis kLook{250};
// Who comes so late to look has not read what there is, either.
constexpr net::Millis kOwnAbsence = 3 * kLook;
// What is read at once: a thousand confirmations, each of which may wake clients.
constexpr std::size_t kBytesAtOnce = 32U * 1024;
constexpr std::size_t kBytesPerFlush = 1024U * 1024;
}  // namespace

bool isPong(std::string_view reply) noexcept {
  return std::find(std::begin(kPongs), std::end(kPongs), reply) != std::end(kPongs);
}

Feed::Feed(upstream::LinkHost& host, const upstream::LinkSettings& settings, net::Address node,
           telemetry::WorkerMetrics& metrics, FeedOwner& owner)
    : host_(host),
      settings_(settings),
      workerMetrics_(metrics),
      metrics_(metrics.addNode(node.text())),
      owner_(owner),
      connection_(host.loop, host.scratch, std::move(node), &metrics_, *this),
      output_(host.pool) {
  connection_.limitReads(kBytesAtOnce);
  timer_ = host_.loop.makeTimer([this] { onTimer(); });
}

void Feed::onTimer() {
  host_.touch();
  switch (state_) {
    case LinkState::BackingOff:
      transition(LinkState::Idle);
      open();
      return;
    case LinkState::Ready: return tend();
    default: return;
  }
}

// Anybody who subscribes waits for long without a word; only a node that is known to be well owes an answer.
void Feed::tend() {
  const bool wasHere = host_.now - lastLook_ < kOwnAbsence;
  lastLook_ = host_.now;
  timer_->start(kLook);
  keepLogin();
  if (!ready()) return;  // writing has shown its end
  const auto silence = host_.now - lastHeard_;
  if (settings_.heartbeat.count() == 0 || silence < settings_.heartbeat || !wasHere) return;
  if (!beating_ && !login_.asking() && !owner_.awaitsFeedReply()) {
    beating_ = true;
    return say(kPing);
  }
  if (silence < settings_.heartbeat + settings_.suspectAfter) return;
  if (probe_ == nullptr)
    probe_ = std::make_unique<upstream::LinkProbe>(host_, settings_, node(), connection_.nodeClientId());
  if (probe_->showsDead(silence)) lose("no answer, but the node answers on another connection");
}

void Feed::say(std::string_view request) {
  output_.append(request);
  flush();
}

void Feed::keepLogin() {
  if (connection_.greeting().protocol < 3 || beating_ || owner_.awaitsFeedReply()) return;
  if (login_.due(settings_.access, settings_.reauthInterval, host_.now)) say(login_.ask(settings_.access));
}

// As with a heartbeat, nothing else was asked before it. True: it is the answer to AUTH, and neither a push
// nor a line of MONITOR.
bool Feed::takeLogin(std::string_view reply) {
  const bool refused = reply.front() == '-';
  if (!login_.asking() || !(refused || reply == kOk)) return false;
  (refused ? metrics_.loginsRefused : metrics_.logins).add();
  const std::string more = login_.answered(reply, settings_.access, host_.now);
  if (more.empty()) return true;
  if (!owner_.awaitsFeedReply()) {
    say(more);
  } else {
    login_.answered(reply, settings_.access, host_.now);  // unasked, since the answers would be mixed up
  }
  return true;
}

// True: it is the answer to ours. While that is missing nothing else was asked before it, so that an error is
// its answer, too.
bool Feed::takeHeartbeat(std::string_view reply) {
  if (!beating_) return false;
  const bool ours = reply.front() == '-' || isPong(reply);
  if (ours) beating_ = false;
  return ours;
}

Feed::~Feed() {
  workerMetrics_.dropNode(metrics_);
}

void Feed::transition(LinkState next) {
  state_ = next;
  metrics_.state.set(static_cast<std::int64_t>(next));
}

void Feed::open() {
  if (state_ != LinkState::Idle) return;
  if (host_.now < notBefore_) {
    transition(LinkState::BackingOff);
    return timer_->start(std::chrono::ceil<net::Millis>(notBefore_ - host_.now));
  }
  transition(LinkState::Connecting);
  const int protocol = settings_.access.password.empty() ? 2 : upstream::kBestProtocol;
  connection_.open(upstream::Handshake(settings_.access, protocol, upstream::AskId::IfAllowed),
                   settings_.connectTimeout, backoff_.failures());
}

void Feed::onGreeting() {
  transition(LinkState::Handshaking);
}

void Feed::onConnectionUp() {
  host_.touch();
  readySince_ = lastHeard_ = lastLook_ = host_.now;
  login_.greeted(connection_.greeting(), host_.now);
  timer_->start(kLook);
  metrics_.connects.add();
  transition(LinkState::Ready);
  owner_.onFeedReady();
}

void Feed::onConnectionLost(std::string_view reason) {
  host_.touch();
  lose(reason);
}

void Feed::onRoom() {
  flush();
}

void Feed::onBytes(std::string_view bytes) {
  host_.touch();
  takeReplies(bytes);
}

void Feed::takeReplies(std::string_view bytes) {
  lastHeard_ = host_.now;
  probe_.reset();
  while (!bytes.empty()) {
    const protocol::ReplyScanner::Result result = scanner_.scan(bytes);
    if (result.status == protocol::ReplyScanner::Status::Error) return lose("a reply that is not RESP");
    const std::string_view piece = bytes.substr(0, result.consumed);
    bytes.remove_prefix(result.consumed);
    if (result.status == protocol::ReplyScanner::Status::NeedMore) {
      partial_.append(piece);
      return;
    }
    scanner_.reset();
    const bool inPieces = !partial_.empty();
    if (inPieces) partial_.append(piece);
    const std::string_view reply = inPieces ? std::string_view(partial_) : piece;
    if (reply.starts_with(kNoAuth)) return lose("the node asks again who this is");
    const bool own = takeHeartbeat(reply) || takeLogin(reply);
    if (!ready()) return;
    if (!own && !owner_.onFeedReply(reply)) return lose("a reply that nobody asked for");
    if (partial_.capacity() > kKeepBytes) partial_ = std::string();
    partial_.clear();
  }
}

void Feed::send(std::string_view bytes) {
  output_.append(bytes);
  metrics_.requests.add();
}

void Feed::flush() {
  if (!connection_.isUp()) return;
  const upstream::Connection::Written written = connection_.write(output_, 0, kBytesPerFlush);
  output_.consume(written.bytes);
  if (written.error != 0) lose(connection_.describe(written.error));
}

void Feed::lose(std::string_view reason) {
  const std::string why(reason);  // may point into what is about to go
  const bool established = ready();
  connection_.close();
  probe_.reset();
  scanner_.reset();
  partial_.clear();
  output_.clear();
  timer_->stop();
  beating_ = false;
  login_.lost();
  metrics_.losses.add();
  transition(LinkState::BackingOff);
  // As for links. A connection that broke as soon as it was made counts as one that never was.
  if (established && host_.now - readySince_ >= settings_.backoffMax) backoff_.ofUse();
  const net::Millis pause = backoff_.afterLoss(established, settings_.backoffMin, settings_.backoffMax,
                                               [this](std::uint32_t bound) { return host_.random(bound); });
  notBefore_ = host_.now + pause;
  if (!owner_.onFeedLost(why, established)) return transition(LinkState::Idle);
  timer_->start(pause);
}

}  // namespace slotless::pubsub
