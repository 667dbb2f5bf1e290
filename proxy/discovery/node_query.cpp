#include "proxy/discovery/node_query.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>

namespace slotless::discovery {

namespace {

constexpr std::size_t kReadBytes = 16384;

// Read and passed on in one go, so one will do for all queries of a thread.
std::string& readBuffer() {
  thread_local std::string buffer(kReadBytes, '\0');
  return buffer;
}

}  // namespace

NodeQuery::NodeQuery(net::Loop& loop, net::Address node, const upstream::Access& access,
                     const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
                     Callback callback)
    : loop_(loop),
      callback_(std::move(callback)),
      connection_(loop, readBuffer(), std::move(node), nullptr, *this),
      endsAt_(loop.now() + timeout) {
  timer_ = loop.makeTimer([this] { finish(sendError_.empty() ? "no answer in time" : sendError_); });
  add(commands);
  connection_.open(upstream::Handshake(access), timeout);
}

void NodeQuery::again(const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
                      Callback callback) {
  callback_ = std::move(callback);
  result_ = {};
  output_.clear();
  sent_ = 0;
  add(commands);
  timer_->start(timeout);
  onRoom();
}

void NodeQuery::add(const std::vector<std::vector<std::string_view>>& commands) {
  for (const auto& command : commands) output_ += upstream::formatCommand(command);
  expected_ = commands.size();
}

void NodeQuery::onConnectionUp() {
  timer_->start(std::max(net::Millis{0}, std::chrono::ceil<net::Millis>(endsAt_ - loop_.now())));
  onRoom();
}

void NodeQuery::onRoom() {
  const auto written = connection_.write(std::string_view(output_).substr(sent_));
  sent_ += written.bytes;
  if (written.error == 0) return;
  sendError_ = connection_.describe(written.error);
  timer_->start(net::Millis{0});  // never from within again()
}

void NodeQuery::onConnectionLost(std::string_view reason) {
  if (callback_ != nullptr) finish(std::string(reason));
}

void NodeQuery::onBytes(std::string_view bytes) {
  if (callback_ == nullptr) return connection_.close();  // nothing was asked: it is of no use
  reader_.feed(bytes);
  takeReplies();
}

void NodeQuery::takeReplies() {
  while (result_.replies.size() < expected_) {
    upstream::ReplyPtr reply;
    switch (reader_.next(reply)) {
      case upstream::OwnReplyReader::Status::NeedMore: return;
      case upstream::OwnReplyReader::Status::Garbage: return finish("the answer is not RESP, or too long");
      case upstream::OwnReplyReader::Status::Reply: break;
    }
    result_.replies.push_back(std::move(reply));
  }
  finish({});
}

void NodeQuery::finish(std::string error) {
  if (!error.empty()) connection_.close();
  timer_->stop();
  if (!error.empty()) result_.replies.clear();
  result_.error = std::move(error);
  // Moved out first: the callback may destroy this query.
  const Callback callback = std::exchange(callback_, nullptr);
  QueryResult result = std::move(result_);
  callback(std::move(result));
}

}  // namespace slotless::discovery
