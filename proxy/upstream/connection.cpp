#include "proxy/upstream/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace slotless::upstream {

namespace {
constexpr std::size_t kPiecesPerWrite = 64;
// Of what a stream holds back itself; others get their turn in between.
constexpr int kReadsPerTurn = 4;
}  // namespace

Connection::Connection(net::Loop& loop, std::string& scratch, net::Address node,
                       telemetry::NodeMetrics* traffic, Owner& owner)
    : loop_(loop),
      scratch_(scratch),
      traffic_(traffic),
      owner_(owner),
      dialler_(loop, std::move(node), *this, *this) {
  deadline_ = loop.makeTimer([this] { onDeadline(); });
}

Connection::~Connection() = default;

void Connection::open(Handshake handshake, net::Millis patience, std::size_t attempt) {
  stage_ = Stage::Dialling;
  handshake_ = std::make_unique<Handshake>(std::move(handshake));
  greeted_ = 0;
  greeting_ = {};
  unauthorised_ = false;
  reading_ = true;
  writeWanted_ = false;
  deadline_->start(patience);
  dialler_.dial(patience, attempt, handshake_->access());
}

void Connection::close() {
  stage_ = Stage::Closed;
  dialler_.cancel();
  deadline_->stop();
  stream_.reset();
  handshake_.reset();
}

void Connection::lose(std::string_view reason) {
  const std::string why(reason);  // may point into what is about to go
  close();
  owner_.onConnectionLost(why);
}

void Connection::onDeadline() {
  lose(dialler_.failure().empty() ? "no connection in time" : dialler_.failure());
}

void Connection::onDialFailed(std::string_view reason) {
  lose(reason);
}

void Connection::onDialled(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  stage_ = Stage::Greeting;
  owner_.onGreeting();
  sendGreeting();
}

void Connection::onWritable() {
  switch (stage_) {
    case Stage::Closed: return;
    case Stage::Dialling: return dialler_.onWritable();
    case Stage::Greeting: return sendGreeting();
    case Stage::Up: return owner_.onRoom();
  }
}

void Connection::sendGreeting() {
  const Written written = send(std::string_view(handshake_->bytes()).substr(greeted_));
  greeted_ += written.bytes;
  if (written.error != 0) lose(stream_->describe(written.error));
}

void Connection::takeGreeting(std::string_view bytes) {
  constexpr std::string_view kTlsAlert = "\x15\x03";
  if (bytes.starts_with(kTlsAlert)) return lose("the node speaks TLS (see cluster-tls)");
  const Handshake::Progress progress = handshake_->take(bytes);
  if (progress == Handshake::Progress::More) return;
  if (progress == Handshake::Progress::Again) {
    greeted_ = 0;
    return sendGreeting();
  }
  handshake_->noteDenials(node(), loop_.now());
  if (progress == Handshake::Progress::Failed) {
    unauthorised_ = handshake_->unauthorised();
    return lose(std::string(handshake_->error()));
  }
  greeting_ = handshake_->greeting();
  handshake_.reset();
  deadline_->stop();
  stage_ = Stage::Up;
  owner_.onConnectionUp();
}

void Connection::onReadable() {
  for (int reads = 1;; ++reads) {
    const net::IoResult got = stream_->read(scratch_.data(), std::min(scratch_.size(), readLimit_));
    switch (got.status) {
      case net::IoStatus::WouldBlock: return;
      case net::IoStatus::End: return lose("closed by the node");
      case net::IoStatus::Failed: return lose(stream_->describe(got.error));
      case net::IoStatus::Ok: break;
    }
    if (traffic_ != nullptr) traffic_->bytesReceived.add(got.bytes);
    const std::string_view bytes(scratch_.data(), got.bytes);
    if (got.more) {
      const std::weak_ptr<int> alive = alive_;
      stage_ == Stage::Up ? owner_.onBytes(bytes) : takeGreeting(bytes);
      if (alive.expired()) return;
      if (stream_ == nullptr || !reading_) return;  // lost, or enough for now
      if (reads == kReadsPerTurn) return stream_->remind();
      continue;
    }
    // This may be gone after the call.
    return stage_ == Stage::Up ? owner_.onBytes(bytes) : takeGreeting(bytes);
  }
}

// False: nothing more goes for now.
bool Connection::put(std::span<const iovec> pieces, Written& total) {
  const net::IoResult written = stream_->write(pieces);
  if (written.status == net::IoStatus::Failed) {
    // Answers may have come in before the connection broke. Reading comes upon its end, too.
    total.broken = true;
    total.error = written.error == EPIPE || written.error == ECONNRESET ? 0 : written.error;
  }
  total.bytes += written.bytes;
  if (traffic_ != nullptr) traffic_->bytesSent.add(written.bytes);
  return written.status == net::IoStatus::Ok;
}

void Connection::watch(const Written& written, bool isAll) {
  reading_ = reading_ || written.broken;
  writeWanted_ = !isAll && !written.broken;
  stream_->watch(reading_, writeWanted_);
}

Connection::Written Connection::write(const net::ByteChain& output, std::size_t from, std::size_t most) {
  std::array<iovec, kPiecesPerWrite> pieces;
  Written total;
  while (from + total.bytes < output.size() && total.bytes < most) {
    const std::size_t count = output.gather(pieces, from + total.bytes);
    if (!put({pieces.data(), count}, total)) break;
  }
  watch(total, from + total.bytes == output.size());
  return total;
}

Connection::Written Connection::send(std::string_view output) {
  Written total;
  while (total.bytes < output.size()) {
    const iovec piece{const_cast<char*>(output.data()) + total.bytes, output.size() - total.bytes};
    if (!put({&piece, 1}, total)) break;
  }
  watch(total, total.bytes == output.size());
  return total;
}

void Connection::setReading(bool on) {
  reading_ = on;
  if (isUp()) stream_->watch(reading_, writeWanted_);
}

std::string Connection::describe(int error) const {
  return stream_->describe(error);
}

}  // namespace slotless::upstream
