#include "proxy/telemetry/admin_connection.h"

#include <array>
#include <optional>
#include <utility>

#include "proxy/telemetry/admin_http.h"
#include "proxy/telemetry/admin_response.h"
#include "proxy/telemetry/http_request.h"

namespace slotless::telemetry {

namespace {

constexpr net::Millis kRequestTimeout{kAdminRequestTimeoutMillis};
constexpr net::Millis kAnswerTimeout{kAdminAnswerTimeoutMillis};

}  // namespace

AdminConnection::AdminConnection(std::uint64_t id, net::Loop& loop, Events events)
    : id_(id), events_(std::move(events)), deadline_(loop.makeTimer([this] { close(); })) {
  deadline_->start(kRequestTimeout);
}

void AdminConnection::onReadable() {
  if (state_ == State::Reading) return read();
  if (state_ == State::Leaving) return leave();
  if (state_ == State::Streaming) return discardInput();
}

void AdminConnection::onWritable() {
  if (state_ == State::Writing || state_ == State::Streaming) write();
}

void AdminConnection::read() {
  std::array<char, 4096> chunk;
  net::IoResult got;
  do {
    got = stream_->read(chunk.data(), chunk.size());
    if (got.status == net::IoStatus::WouldBlock) return;
    if (got.status != net::IoStatus::Ok) return close();
    input_.append(chunk.data(), got.bytes);
    take();
  } while (got.more && state_ == State::Reading);
}

void AdminConnection::take() {
  HttpRequest head;
  HttpHead found = readHead(input_, head);
  if (found == HttpHead::NeedMore && input_.size() >= kAdminMaxRequestBytes) found = HttpHead::Bad;
  if (found == HttpHead::NeedMore) return;
  if (found == HttpHead::Bad) return answer(httpText(badRequest(), "GET"));
  // Whatever else may come behind the head of a GET is nobody's concern.
  const bool hasBody = head.method != "GET" && head.method != "HEAD";
  const std::optional<std::size_t> body = hasBody ? bodyBytes(head) : 0;
  if (!body) return answer(httpText(badRequest(), head.method));
  if (*body > kAdminMaxBodyBytes) return answer(httpText(tooLarge(), head.method));
  if (input_.size() - head.headBytes < *body) return;
  std::string page = events_.page({std::string(head.method), std::string(head.path), std::string(head.query),
                                   std::string(head.headers), input_.substr(head.headBytes, *body),
                                   stream_->peer().host, !stream_->encryption().empty()});
  if (!page.empty()) return answer(std::move(page));
  state_ = State::Rendering;
  deadline_->stop();
  stream_->watch(false, false);
}

void AdminConnection::answer(std::string text) {
  output_ = std::move(text);
  state_ = State::Writing;
  deadline_->start(kAnswerTimeout);
  write();
}

void AdminConnection::beginStream(std::string text) {
  output_ = std::move(text);
  state_ = State::Streaming;
  deadline_->start(kAnswerTimeout);
  stream_->watch(true, true);
  write();
}

void AdminConnection::send(const std::string& event) {
  if (!streams() || !output_.empty()) return;
  // Who wants more asks again, and shows again that it may.
  if (++sent_ > kAdminStreamEvents) return close();
  output_ = event;
  deadline_->start(kAnswerTimeout);
  write();
}

bool AdminConnection::flush() {
  while (written_ < output_.size()) {
    const iovec piece{output_.data() + written_, output_.size() - written_};
    const net::IoResult sent = stream_->write({&piece, 1});
    if (sent.status == net::IoStatus::Failed) {
      close();
      return false;
    }
    if (sent.status == net::IoStatus::WouldBlock) return false;
    written_ += sent.bytes;
  }
  // What TLS has encrypted and the system not taken goes first.
  return stream_->unsent() == 0;
}

void AdminConnection::write() {
  const bool done = flush();
  if (closed()) return;
  if (!done) return stream_->watch(streams(), true);
  output_ = {};
  written_ = 0;
  if (streams()) {
    deadline_->stop();
    return stream_->watch(true, false);
  }
  stream_->endWriting();
  state_ = State::Leaving;
  deadline_->start(kRequestTimeout);
  stream_->watch(true, false);
  leave();
}

void AdminConnection::discardInput() {
  std::array<char, 4096> chunk;
  for (int i = 0; i < 16; ++i) {
    const net::IoResult got = stream_->read(chunk.data(), chunk.size());
    if (got.status == net::IoStatus::Ok) continue;
    if (got.status != net::IoStatus::WouldBlock) close();
    return;
  }
  stream_->remind();
}

// Until the other side has closed, too.
void AdminConnection::leave() {
  discardInput();
}

void AdminConnection::close() {
  if (std::exchange(state_, State::Closed) == State::Closed) return;
  deadline_->stop();
  stream_->watch(false, false);
  events_.closed();
}

}  // namespace slotless::telemetry
