#include "proxy/pubsub/feed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <iterator>
#include <utility>

namespace slotless::pubsub {

using telemetry::LinkState;

namespace {
constexpr std::size_t kPiecesPerWrite = 64;
// A buffer that grew larger for one message is not kept for the next.
constexpr std::size_t kKeepBytes = 64U * 1024;
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
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

Feed::Feed(upstream::LinkHost& host, const upstream::LinkSettings& settings, net::Address node,
           telemetry::WorkerMetrics& metrics, FeedOwner& owner)
    : host_(host),
      settings_(settings),
      node_(std::move(node)),
      workerMetrics_(metrics),
      metrics_(metrics.addNode(node_.text())),
      owner_(owner),
      output_(host.pool) {
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
    default: lose("no connection in time");
  }
}

// Anybody who subscribes waits for long without a word; only a node that is known to be well owes an answer.
void Feed::tend() {
  const bool wasHere = host_.now - lastLook_ < kOwnAbsence;
  lastLook_ = host_.now;
  timer_->start(kLook);
  const auto silence = host_.now - lastHeard_;
  if (settings_.heartbeat.count() == 0 || silence < settings_.heartbeat || !wasHere) return;
  if (!beating_ && !owner_.awaitsFeedReply()) {
    beating_ = true;
    output_.append(kPing);
    flush();
    return;
  }
  if (silence < settings_.heartbeat + settings_.suspectAfter) return;
  if (probe_ == nullptr)
    probe_ = std::make_unique<upstream::LinkProbe>(host_, settings_, node_, nodeClientId_);
  if (probe_->showsDead(silence)) lose("no answer, but the node answers on another connection");
}

// True: it is the answer to ours. While that is missing nothing else was asked before it, so that an error is
// its answer, too.
bool Feed::takeHeartbeat(std::string_view reply) {
  if (!beating_) return false;
  const bool ours =
      reply.front() == '-' || std::find(std::begin(kPongs), std::end(kPongs), reply) != std::end(kPongs);
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
  timer_->start(settings_.connectTimeout);
  if (net::isNumericHost(node_.host)) return connectTo(node_);
  lookUp_ =
      host_.loop.resolve(node_.host, settings_.connectTimeout, [this](const net::Resolution& resolution) {
        if (resolution.addresses.empty()) return lose(resolution.error);
        connectTo({resolution.addresses[failures_ % resolution.addresses.size()], node_.port});
      });
}

void Feed::connectTo(const net::Address& numeric) {
  int error = 0;
  stream_ = host_.loop.connect(numeric, *this, error);
  if (stream_ == nullptr) lose(std::strerror(error));
}

void Feed::onWritable() {
  if (state_ == LinkState::Connecting) {
    if (const int error = stream_->connectError(); error != 0) return lose(std::strerror(error));
    return startHandshake();
  }
  flush();
}

void Feed::startHandshake() {
  transition(LinkState::Handshaking);
  handshake_ = std::make_unique<upstream::Handshake>(settings_.credentials, settings_.clientName, 2,
                                                     upstream::AskId::IfAllowed);
  output_.append(handshake_->bytes());
  flush();
}

void Feed::onReadable() {
  host_.touch();
  const net::IoResult got = stream_->read(host_.scratch.data(), std::min(host_.scratch.size(), kBytesAtOnce));
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
}

void Feed::takeHandshake(std::string_view bytes) {
  switch (handshake_->take(bytes)) {
    case upstream::Handshake::Progress::More: return;
    case upstream::Handshake::Progress::Failed: return lose(std::string(handshake_->error()));
    case upstream::Handshake::Progress::Done: break;
  }
  nodeClientId_ = handshake_->clientId();
  handshake_.reset();
  readySince_ = lastHeard_ = lastLook_ = host_.now;
  timer_->start(kLook);
  metrics_.connects.add();
  transition(LinkState::Ready);
  owner_.onFeedReady();
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
    if (!takeHeartbeat(reply) && !owner_.onFeedReply(reply)) return lose("a reply that nobody asked for");
    if (partial_.capacity() > kKeepBytes) partial_ = std::string();
    partial_.clear();
  }
}

void Feed::send(std::string_view bytes) {
  output_.append(bytes);
  metrics_.requests.add();
}

void Feed::flush() {
  if (stream_ == nullptr || state_ == LinkState::Connecting) return;
  std::array<iovec, kPiecesPerWrite> pieces;
  std::size_t sent = 0;
  while (!output_.empty() && sent < kBytesPerFlush) {
    const net::IoResult written = stream_->write({pieces.data(), output_.gather(pieces)});
    if (written.status == net::IoStatus::Failed) return lose(std::strerror(written.error));
    if (written.status == net::IoStatus::WouldBlock) break;
    output_.consume(written.bytes);
    sent += written.bytes;
    metrics_.bytesSent.add(written.bytes);
  }
  stream_->watch(true, !output_.empty());
}

void Feed::lose(std::string_view reason) {
  const std::string why(reason);  // may point into what is about to go
  const bool established = ready();
  lookUp_.reset();
  stream_.reset();
  probe_.reset();
  handshake_.reset();
  scanner_.reset();
  partial_.clear();
  output_.clear();
  timer_->stop();
  beating_ = false;
  metrics_.losses.add();
  transition(LinkState::BackingOff);
  // As for links: at once after a connection broke that had been of use; then the pauses double, with jitter.
  // One that broke as soon as it was made counts as one that never was.
  if (established && host_.now - readySince_ >= settings_.backoffMax) failures_ = 0;
  net::Millis pause{0};
  if (!established || failures_ > 0) {
    const auto doubled = settings_.backoffMin.count() << std::min<std::uint32_t>(failures_, 16);
    const auto full = std::min<net::Millis::rep>(doubled, settings_.backoffMax.count());
    pause = net::Millis(full / 2 + host_.random(static_cast<std::uint32_t>(full / 2 + 1)));
  }
  ++failures_;
  notBefore_ = host_.now + pause;
  if (!owner_.onFeedLost(why, established)) return transition(LinkState::Idle);
  timer_->start(pause);
}

}  // namespace slotless::pubsub
