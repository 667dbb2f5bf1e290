#include "proxy/pubsub/feed.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace slotless::pubsub {

using telemetry::LinkState;

namespace {
constexpr std::size_t kPiecesPerWrite = 64;
// A buffer that grew larger for one message is not kept for the next.
constexpr std::size_t kKeepBytes = 64U * 1024;
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
  timer_ = host_.loop.makeTimer([this] {
    host_.touch();
    if (state_ == LinkState::BackingOff) {
      transition(LinkState::Idle);
      open();
    } else {
      lose("no connection in time");
    }
  });
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
  handshake_ = std::make_unique<cluster::Handshake>(settings_.credentials, settings_.clientName, 2, false);
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
    case cluster::Handshake::Progress::More: return;
    case cluster::Handshake::Progress::Failed: return lose(std::string(handshake_->error()));
    case cluster::Handshake::Progress::Done: break;
  }
  handshake_.reset();
  timer_->stop();
  failures_ = 0;
  metrics_.connects.add();
  transition(LinkState::Ready);
  owner_.onFeedReady();
}

void Feed::takeReplies(std::string_view bytes) {
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
    if (!owner_.onFeedReply(inPieces ? std::string_view(partial_) : piece))
      return lose("a reply that nobody asked for");
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
  stream_.reset();
  handshake_.reset();
  scanner_.reset();
  partial_.clear();
  output_.clear();
  timer_->stop();
  metrics_.losses.add();
  transition(LinkState::BackingOff);
  if (!owner_.onFeedLost(why, established)) return transition(LinkState::Idle);
  // As for links: at once after an established connection broke; then the pauses double, with jitter.
  net::Millis pause{0};
  if (!established) {
    const auto doubled = settings_.backoffMin.count() << std::min<std::uint32_t>(failures_, 16);
    const auto full = std::min<net::Millis::rep>(doubled, settings_.backoffMax.count());
    pause = net::Millis(full / 2 + host_.random(static_cast<std::uint32_t>(full / 2 + 1)));
  }
  ++failures_;
  timer_->start(pause);
}

}  // namespace slotless::pubsub
