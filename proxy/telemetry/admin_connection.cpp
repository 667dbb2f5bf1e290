#include "proxy/telemetry/admin_connection.h"

#include <array>
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
}

void AdminConnection::onWritable() {
  if (state_ == State::Writing) write();
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
  HttpRequest request;
  HttpHead head = readHead(input_, request);
  if (head == HttpHead::NeedMore && input_.size() >= kAdminMaxRequestBytes) head = HttpHead::Bad;
  if (head == HttpHead::NeedMore) return;
  if (head == HttpHead::Bad) return answer(httpText(badRequest(), "GET"));
  std::string page = events_.page(request.method, request.path);
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

void AdminConnection::write() {
  while (written_ < output_.size()) {
    const iovec piece{output_.data() + written_, output_.size() - written_};
    const net::IoResult sent = stream_->write({&piece, 1});
    if (sent.status == net::IoStatus::Failed) return close();
    if (sent.status == net::IoStatus::WouldBlock) return stream_->watch(false, true);
    written_ += sent.bytes;
  }
  // What TLS has encrypted and the system not taken goes first.
  if (stream_->unsent() > 0) return stream_->watch(false, true);
  output_ = {};
  stream_->endWriting();
  state_ = State::Leaving;
  deadline_->start(kRequestTimeout);
  stream_->watch(true, false);
  leave();
}

// Until the other side has closed, too.
void AdminConnection::leave() {
  std::array<char, 4096> chunk;
  for (int i = 0; i < 16; ++i) {
    const net::IoResult got = stream_->read(chunk.data(), chunk.size());
    if (got.status == net::IoStatus::Ok) continue;
    if (got.status != net::IoStatus::WouldBlock) close();
    return;
  }
  stream_->remind();
}

void AdminConnection::close() {
  if (std::exchange(state_, State::Closed) == State::Closed) return;
  deadline_->stop();
  stream_->watch(false, false);
  events_.closed();
}

}  // namespace slotless::telemetry
