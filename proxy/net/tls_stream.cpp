#include "proxy/net/tls_stream.h"

#include <openssl/buffer.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "proxy/net/tls_memory_stream.h"

namespace slotless::net {

namespace {

// A record, and what encryption adds to it.
constexpr std::size_t kRecordBytes = 16384;
constexpr std::size_t kReadBytes = kRecordBytes + 512;
// Encrypted, and not taken by the system yet: beyond that a write would block.
constexpr std::size_t kMostAhead = 4 * kRecordBytes;

}  // namespace

void MemoryTlsStream::giveBack(BIO* bio) {
  constexpr std::size_t kSmall = 1024;
  BUF_MEM* memory = nullptr;
  BIO_get_mem_ptr(bio, &memory);
  if (memory == nullptr || memory->length > 0 || memory->max <= kSmall) return;
  if (BUF_MEM* fresh = BUF_MEM_new(); fresh != nullptr) BIO_set_mem_buf(bio, fresh, BIO_CLOSE);
}

IoResult MemoryTlsStream::takeFromBelow() {
  std::array<char, kReadBytes> buffer;
  const IoResult got = below_->read(buffer.data(), buffer.size());
  if (got.status == IoStatus::Ok) BIO_write(incoming_, buffer.data(), static_cast<int>(got.bytes));
  return got;
}

IoResult MemoryTlsStream::read(char* into, std::size_t capacity) {
  if (state_ == State::Failed) return {IoStatus::Failed, 0, error_};
  if (state_ != State::Open) return {IoStatus::WouldBlock, 0, 0};
  std::size_t total = 0;
  IoResult below{ended_ ? IoStatus::End : IoStatus::Ok, 0, 0};
  for (bool emptied = false; !ended_ && total < capacity;) {
    ERR_clear_error();
    const int room = static_cast<int>(std::min<std::size_t>(capacity - total, 1U << 30U));
    const int got = SSL_read(ssl_.get(), into + total, room);
    if (got > 0) {
      total += static_cast<std::size_t>(got);
      continue;
    }
    const int reason = SSL_get_error(ssl_.get(), got);
    if (reason == SSL_ERROR_ZERO_RETURN) {
      below.status = IoStatus::End;
      break;
    }
    if (reason != SSL_ERROR_WANT_READ) {
      failBySsl();
      below = {IoStatus::Failed, 0, error_};
      break;
    }
    if (emptied) break;
    below = takeFromBelow();
    if (below.status != IoStatus::Ok) break;
    emptied = below.bytes < kReadBytes;  // the system holds no more: it would not have to be asked
  }
  // An answer to what the peer has renewed in between, if anything. It goes on with the next write otherwise.
  if (state_ == State::Open && BIO_pending(outgoing_) > 0) {
    sendOutgoing();
    watchBelow();
  }
  giveBack(incoming_);
  if (total > 0) {
    // Whatever else there is to tell comes with the next call.
    const bool over = below.status == IoStatus::End || below.status == IoStatus::Failed;
    if (below.status == IoStatus::Failed && state_ == State::Open) fail(below.error);
    ended_ = below.status == IoStatus::End;
    return {IoStatus::Ok, total, 0, over || holdsMore()};
  }
  ended_ = below.status == IoStatus::End;
  if (below.status == IoStatus::Ok) below.status = IoStatus::WouldBlock;  // less than a record
  below.bytes = 0;
  return below;
}

IoResult MemoryTlsStream::write(std::span<const iovec> pieces) {
  if (state_ == State::Failed) return {IoStatus::Failed, 0, error_};
  if (sendError_ != 0) return {IoStatus::Failed, 0, sendError_};
  if (state_ != State::Open) return {IoStatus::WouldBlock, 0, 0};
  std::array<char, kRecordBytes> record;
  std::size_t total = 0;
  std::size_t filled = 0;
  const auto encrypt = [&] {
    if (filled == 0) return true;
    ERR_clear_error();
    if (SSL_write(ssl_.get(), record.data(), static_cast<int>(filled)) <= 0) {
      failBySsl();
      if (wantsRead_) remind();
      return false;
    }
    total += std::exchange(filled, 0);
    return true;
  };
  // What has been encrypted may have reached the peer, whatever has gone wrong since: that the next call
  // tells.
  const auto accepted = [&]() -> IoResult {
    if (total > 0) return {IoStatus::Ok, total, 0};
    if (state_ == State::Failed) return {IoStatus::Failed, 0, error_};
    if (sendError_ != 0) return {IoStatus::Failed, 0, sendError_};
    return {IoStatus::WouldBlock, 0, 0};
  };
  for (const iovec& piece : pieces) {
    for (std::size_t at = 0; at < piece.iov_len && ahead() < kMostAhead;) {
      const std::size_t part = std::min(record.size() - filled, piece.iov_len - at);
      std::memcpy(record.data() + filled, static_cast<const char*>(piece.iov_base) + at, part);
      filled += part;
      at += part;
      if (filled == record.size() && !encrypt()) return accepted();
    }
    if (ahead() >= kMostAhead) break;
  }
  if (encrypt()) sendOutgoing();
  watchBelow();
  return accepted();
}

void MemoryTlsStream::sendOutgoing() {
  while (sendError_ == 0) {
    if (restSent_ == rest_.size()) {
      restSent_ = 0;
      rest_.resize(static_cast<std::size_t>(BIO_pending(outgoing_)));
      if (rest_.empty()) {
        rest_.shrink_to_fit();
        giveBack(outgoing_);
        return;
      }
      BIO_read(outgoing_, rest_.data(), static_cast<int>(rest_.size()));
    }
    const iovec piece{rest_.data() + restSent_, rest_.size() - restSent_};
    const IoResult sent = below_->write({&piece, 1});
    restSent_ += sent.bytes;
    if (sent.status == IoStatus::WouldBlock) return;
    if (sent.status == IoStatus::Failed) sendError_ = sent.error;
  }
}

void MemoryTlsStream::endWriting() {
  if (state_ == State::Open) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    sendOutgoing();
  }
  ending_ = true;
  passOnEnd();
  watchBelow();
}

void MemoryTlsStream::passOnEnd() {
  if (ending_ && ahead() == 0) below_->endWriting();
}

std::unique_ptr<TlsStream> TlsStream::connect(Loop& loop, TlsContextPtr context, const std::string& name,
                                              const Address& numeric, Observer& observer, Millis patience,
                                              int& error) {
  auto stream = std::make_unique<MemoryTlsStream>(loop, std::move(context), observer, patience);
  if (!stream->demandName(name, numeric)) {
    error = EINVAL;
    return nullptr;
  }
  auto below = loop.connect(numeric, stream->below(), error);
  if (below == nullptr) return nullptr;
  stream->standOn(std::move(below));
  return stream;
}

std::unique_ptr<TlsStream> TlsStream::adopt(Loop& loop, TlsContextPtr context, int descriptor,
                                            Observer& observer, Millis patience) {
  auto stream = std::make_unique<MemoryTlsStream>(loop, std::move(context), observer, patience);
  auto below = loop.adopt(descriptor, stream->below());
  if (below == nullptr) return nullptr;
  stream->standOn(std::move(below));
  return stream;
}

std::unique_ptr<TlsStream> TlsStream::adopt(Loop& loop, TlsContextPtr context,
                                            std::unique_ptr<RelayedStream> below, Observer& observer,
                                            Millis patience) {
  auto stream = std::make_unique<MemoryTlsStream>(loop, std::move(context), observer, patience);
  below->setObserver(stream->below());
  stream->standOn(std::move(below));
  return stream;
}

}  // namespace slotless::net
