#include "proxy/trace/post.h"

#include <array>
#include <utility>

#include "proxy/net/address/address.h"

namespace slotless::trace {

namespace {

constexpr std::size_t kReadBytes = 4096;

}  // namespace

Post::Post(net::Loop& loop, const config::HttpUrl& collector, Done done)
    : loop_(loop),
      collector_(collector),
      done_(std::move(done)),
      deadline_(loop.makeTimer([this] {
        finish({PostOutcome::Kind::TimeOut, 0, {}, {}, net::kNoAnswerInTime});
      })),
      dialler_(loop, {collector.host, collector.port}, *this, *this) {}

void Post::send(std::string_view body) {
  request_ = "POST " + collector_.path +
             " HTTP/1.1\r\nHost: " + net::Address{collector_.host, collector_.port}.text() +
             "\r\nUser-Agent: slotless/" SLOTLESS_VERSION
             "\r\nContent-Type: application/x-protobuf\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n";
  request_ += body;
  deadline_->start(kPatience);
  if (stream_ == nullptr) return dial();
  begin();
}

void Post::dial() {
  state_ = State::Dialling;
  isUsed_ = false;
  dialler_.dial(kPatience, attempt_++, {});
}

void Post::onDialled(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  begin();
}

void Post::onDialFailed(std::string_view reason) {
  finish({PostOutcome::Kind::Unreachable, 0, {}, {}, std::string(reason)});
}

// What can be written is as soon as the loop says so: whoever sends is not told of an end before it has
// returned.
void Post::begin() {
  state_ = State::Exchanging;
  written_ = 0;
  response_ = {};
  stream_->watch(true, true);
}

void Post::onWritable() {
  if (state_ == State::Dialling) return dialler_.onWritable();
  if (stream_ != nullptr) write();
}

void Post::write() {
  while (written_ < request_.size()) {
    iovec piece{request_.data() + written_, request_.size() - written_};
    const net::IoResult result = stream_->write({&piece, 1});
    if (result.status == net::IoStatus::WouldBlock) return;
    // It may have answered before it closed: reading tells.
    if (result.status != net::IoStatus::Ok) break;
    written_ += result.bytes;
  }
  stream_->watch(true, false);
}

void Post::onReadable() {
  std::array<char, kReadBytes> bytes{};
  while (stream_ != nullptr) {
    const net::IoResult result = stream_->read(bytes.data(), bytes.size());
    if (!take(result, bytes.data())) return;
  }
}

bool Post::take(const net::IoResult& result, const char* bytes) {
  if (result.status == net::IoStatus::WouldBlock) return false;
  if (state_ == State::Idle) {  // it is closed, or says what nobody has asked for
    close();
    return false;
  }
  if (result.status == net::IoStatus::Failed) {
    lose(stream_->describe(result.error));
    return false;
  }
  const bool isEnd = result.status == net::IoStatus::End;
  const HttpResponse::State state = isEnd ? response_.end() : response_.feed({bytes, result.bytes});
  if (state == HttpResponse::State::Reading) return true;
  if (state == HttpResponse::State::Complete) {
    finish({PostOutcome::Kind::Answered, response_.status(), response_.body(), response_.retryAfter(), {}});
  } else if (isEnd) {
    lose("the collector has closed the connection");
  } else {
    finish({PostOutcome::Kind::Nonsense, 0, {}, {}, "what answers does not speak HTTP/1.1"});
  }
  return false;
}

void Post::lose(const std::string& reason) {
  const bool again = isUsed_ && !response_.begun();
  close();
  if (again) return dial();
  finish({PostOutcome::Kind::Unreachable, 0, {}, {}, reason});
}

void Post::finish(PostOutcome outcome) {
  const bool keeps = outcome.kind == PostOutcome::Kind::Answered && response_.keepsConnection() &&
                     written_ == request_.size();
  if (keeps) {
    isUsed_ = true;
    stream_->watch(true, false);
  } else {
    close();
  }
  state_ = State::Idle;
  deadline_->stop();
  request_ = {};
  done_(outcome);
}

void Post::close() {
  dialler_.cancel();
  stream_.reset();
}

}  // namespace slotless::trace
