#include "proxy/subcommand/node_client.h"

#include <utility>
#include <vector>

#include "protocol/encoder.h"

namespace slotless::subcommand {

namespace {

// What is sent at a time: while it goes out nobody reads what comes back.
constexpr std::size_t kMostAppendedBytes = std::size_t{1} << 20;

}  // namespace

NodeClient::NodeClient(ServerUrl url, ConnectOptions options)
    : url_(std::move(url)), options_(std::move(options)) {}

void NodeClient::close() noexcept {
  stream_.reset();
  reader_ = ReplyReader();
  out_.clear();
  pushes_.clear();
}

Reply NodeClient::lose(std::string why) {
  lastError_ = url_.shown() + ": " + why;
  close();
  return {Reply::Kind::Lost, lastError_};
}

std::string NodeClient::open() {
  close();
  auto stream = std::make_unique<ByteStream>();
  const std::string error = stream->open(url_, options_.tls, in(options_.connectTimeout));
  if (!error.empty()) return lose(error).text;
  stream_ = std::move(stream);
  const std::string refused = greet();
  if (refused.empty() || !isOpen()) return refused;
  return lose(refused).text;
}

std::string NodeClient::greet() {
  const std::string_view user = url_.username.empty() ? "default" : std::string_view(url_.username);
  const bool logsIn = !url_.password.empty() || !url_.username.empty();
  Reply reply;
  if (options_.resp3) {
    reply = logsIn ? command({"HELLO", "3", "AUTH", user, url_.password}) : command({"HELLO", "3"});
  } else if (logsIn && !url_.username.empty()) {
    reply = command({"AUTH", user, url_.password});
  } else if (logsIn) {
    reply = command({"AUTH", url_.password});
  }
  if (reply.failed()) return reply.text;
  // Who may not have a name has none.
  if (!options_.clientName.empty()) reply = command({"CLIENT", "SETNAME", options_.clientName});
  if (reply.isLost()) return reply.text;
  if (url_.database != 0)
    reply = command({"SELECT", std::to_string(url_.database)});
  else if (logsIn || options_.resp3)
    reply = {};
  else if (const Reply pong = command({"PING"}); !pong.isLost() || !reply.isError())
    reply = pong;  // else what it said before it closed the connection tells more
  return reply.failed() ? reply.text : std::string();
}

void NodeClient::append(Words words) {
  append(std::span<const std::string_view>(words.begin(), words.size()));
}

void NodeClient::append(std::span<const std::string> words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  append(std::span<const std::string_view>(views));
}

void NodeClient::append(std::span<const std::string_view> words) {
  protocol::appendArrayHeader(out_, words.size());
  for (const std::string_view word : words) protocol::appendBulk(out_, word);
}

// What a server answers while it is being written to must find room: or else both wait for one another.
std::string NodeClient::send() {
  if (!isOpen()) return lastError_;
  const std::string bytes = std::exchange(out_, {});
  for (std::size_t begin = 0; begin < bytes.size(); begin += kMostAppendedBytes) {
    const std::string_view piece = std::string_view(bytes).substr(begin, kMostAppendedBytes);
    const std::string error = stream_->send(piece, in(options_.replyTimeout));
    if (!error.empty()) return lose(error).text;
    readMore(Clock::now());
    if (!isOpen()) return lastError_;
  }
  return {};
}

bool NodeClient::readMore(Deadline deadline) {
  in_.clear();
  const std::string error = stream_->receive(in_, deadline);
  if (!error.empty()) {
    lose(error);
    return false;
  }
  reader_.feed(in_);
  return !in_.empty();
}

Reply NodeClient::receive() {
  return receive(options_.replyTimeout);
}

Reply NodeClient::receive(std::chrono::milliseconds timeout) {
  // Each byte that comes is a sign of life: a huge reply may take longer.
  Deadline deadline = in(timeout);
  std::size_t taken = 0;
  while (isOpen()) {
    while (auto reply = reader_.next()) {
      if (reply->kind != Reply::Kind::Push) return *std::move(reply);
      pushes_.push_back(*std::move(reply));
    }
    if (reader_.broken()) return lose("what it answers is not RESP");
    if (readMore(deadline)) {
      deadline = in(timeout);
      taken += in_.size();
      if (options_.mostReplyBytes > 0 && taken > options_.mostReplyBytes) {
        lose("a reply is too large");
        return {Reply::Kind::Error, std::string(kTooLarge)};
      }
    } else if (isOpen()) {
      return lose("no answer for " + std::to_string(timeout.count()) + " ms");
    }
  }
  return {Reply::Kind::Lost, lastError_};
}

Reply NodeClient::command(Words words) {
  if (!isOpen()) {
    if (auto error = open(); !error.empty()) return {Reply::Kind::Lost, std::move(error)};
  }
  append(words);
  if (auto error = send(); !error.empty()) return {Reply::Kind::Lost, std::move(error)};
  return receive();
}

Reply NodeClient::command(std::span<const std::string> words) {
  if (!isOpen()) {
    if (auto error = open(); !error.empty()) return {Reply::Kind::Lost, std::move(error)};
  }
  append(words);
  if (auto error = send(); !error.empty()) return {Reply::Kind::Lost, std::move(error)};
  return receive();
}

std::optional<Reply> NodeClient::takePush(Deadline deadline) {
  for (;;) {
    if (!pushes_.empty()) {
      Reply push = std::move(pushes_.front());
      pushes_.pop_front();
      return push;
    }
    if (!isOpen()) return std::nullopt;
    if (auto reply = reader_.next()) return reply;
    if (reader_.broken()) {
      lose("what it says is not RESP");
      return std::nullopt;
    }
    if (!readMore(deadline)) return std::nullopt;
  }
}

}  // namespace slotless::subcommand
