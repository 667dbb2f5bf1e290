#include "proxy/cluster/node_query.h"

#include <hiredis/hiredis.h>

#include <array>
#include <cstring>

namespace slotless::cluster {

NodeQuery::NodeQuery(net::Loop& loop, net::Address node, const Credentials& credentials,
                     const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
                     Callback callback)
    : node_(std::move(node)),
      callback_(std::move(callback)),
      expected_(commands.size()),
      credentials_(credentials),
      authenticating_(!credentials.password.empty()) {
  if (authenticating_) {
    output_ = credentials.username.empty()
                  ? formatCommand({"AUTH", credentials.password})
                  : formatCommand({"AUTH", credentials.username, credentials.password});
  }
  for (const auto& command : commands) output_ += formatCommand(command);
  timer_ = loop.makeTimer([this] { finish(startError_.empty() ? "no answer in time" : startError_); });
  int error = 0;
  stream_ = loop.connect(node_, *this, error);
  if (stream_ == nullptr) startError_ = std::strerror(error);
  timer_->start(stream_ == nullptr ? net::Millis{0} : timeout);
}

void NodeQuery::onWritable() {
  if (sent_ == 0) {
    if (const int error = stream_->connectError(); error != 0) return finish(std::strerror(error));
  }
  const iovec piece{output_.data() + sent_, output_.size() - sent_};
  const net::IoResult written = stream_->write({&piece, 1});
  if (written.status == net::IoStatus::Failed) return finish(std::strerror(written.error));
  sent_ += written.bytes;
  stream_->watch(true, sent_ < output_.size());
}

void NodeQuery::onReadable() {
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
    ReplyPtr reply;
    switch (reader_.next(reply)) {
      case OwnReplyReader::Status::NeedMore: return;
      case OwnReplyReader::Status::Garbage: return finish("the answer is not RESP");
      case OwnReplyReader::Status::Reply: break;
    }
    if (authenticating_) {
      authenticating_ = false;
      if (reply->type == REDIS_REPLY_ERROR)
        return finish(authRefusal(credentials_, {reply->str, reply->len}));
      continue;
    }
    result_.replies.push_back(std::move(reply));
  }
  finish({});
}

void NodeQuery::finish(std::string error) {
  stream_.reset();
  timer_->stop();
  if (!error.empty()) result_.replies.clear();
  result_.error = std::move(error);
  // Moved out first: the callback may destroy this query.
  const Callback callback = std::move(callback_);
  QueryResult result = std::move(result_);
  callback(std::move(result));
}

}  // namespace slotless::cluster
