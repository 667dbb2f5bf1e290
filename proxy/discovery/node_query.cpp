#include "proxy/discovery/node_query.h"

#include <hiredis/hiredis.h>

#include <array>
#include <cstring>
#include <utility>

namespace slotless::discovery {

NodeQuery::NodeQuery(net::Loop& loop, net::Address node, const upstream::Credentials& credentials,
                     const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
                     Callback callback)
    : loop_(loop),
      node_(std::move(node)),
      callback_(std::move(callback)),
      credentials_(credentials),
      authenticating_(!credentials.password.empty()) {
  if (authenticating_) {
    output_ = credentials.username.empty()
                  ? upstream::formatCommand({"AUTH", credentials.password})
                  : upstream::formatCommand({"AUTH", credentials.username, credentials.password});
  }
  add(commands);
  timer_ = loop.makeTimer([this] { finish(startError_.empty() ? "no answer in time" : startError_); });
  timer_->start(timeout);
  resolve(timeout);
}

void NodeQuery::again(const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
                      Callback callback) {
  callback_ = std::move(callback);
  result_ = {};
  output_.clear();
  sent_ = 0;
  add(commands);
  timer_->start(timeout);
  stream_->watch(true, true);
}

void NodeQuery::add(const std::vector<std::vector<std::string_view>>& commands) {
  for (const auto& command : commands) output_ += upstream::formatCommand(command);
  expected_ = commands.size();
}

void NodeQuery::resolve(net::Millis timeout) {
  if (net::isNumericHost(node_.host)) {
    hosts_ = {node_.host};
    return connectToNext({});
  }
  lookUp_ = loop_.resolve(node_.host, timeout, [this](const net::Resolution& resolution) {
    hosts_.assign(resolution.addresses.rbegin(), resolution.addresses.rend());
    connectToNext(resolution.error);
  });
}

void NodeQuery::connectToNext(std::string_view lastError) {
  startError_ = lastError;
  stream_.reset();
  while (stream_ == nullptr && !hosts_.empty()) {
    const net::Address numeric{std::move(hosts_.back()), node_.port};
    hosts_.pop_back();
    int error = 0;
    stream_ = loop_.connect(numeric, *this, error);
    if (stream_ == nullptr) startError_ = std::strerror(error);
  }
  if (stream_ == nullptr) timer_->start(net::Millis{0});  // never from within the constructor
}

void NodeQuery::onWritable() {
  if (!connected_) {
    if (const int error = stream_->connectError(); error != 0) return connectToNext(std::strerror(error));
    connected_ = true;
  }
  const iovec piece{output_.data() + sent_, output_.size() - sent_};
  const net::IoResult written = stream_->write({&piece, 1});
  if (written.status == net::IoStatus::Failed) return finish(std::strerror(written.error));
  sent_ += written.bytes;
  stream_->watch(true, sent_ < output_.size());
}

void NodeQuery::onReadable() {
  if (callback_ == nullptr) {  // nothing was asked: it is closed, or of no use
    stream_.reset();
    return;
  }
  std::array<char, 16384> buffer;
  const net::IoResult got = stream_->read(buffer.data(), buffer.size());
  switch (got.status) {
    case net::IoStatus::WouldBlock: return;
    case net::IoStatus::End: return finish("connection closed by the node");
    case net::IoStatus::Failed: return finish(std::strerror(got.error));
    case net::IoStatus::Ok: break;
  }
  reader_.feed({buffer.data(), got.bytes});
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
    if (authenticating_) {
      authenticating_ = false;
      if (reply->type == REDIS_REPLY_ERROR)
        return finish(upstream::authRefusal(credentials_, {reply->str, reply->len}));
      continue;
    }
    result_.replies.push_back(std::move(reply));
  }
  finish({});
}

void NodeQuery::finish(std::string error) {
  if (!error.empty()) stream_.reset();
  timer_->stop();
  if (!error.empty()) result_.replies.clear();
  result_.error = std::move(error);
  // Moved out first: the callback may destroy this query.
  const Callback callback = std::exchange(callback_, nullptr);
  QueryResult result = std::move(result_);
  callback(std::move(result));
}

}  // namespace slotless::discovery
