#include "proxy/cluster/handshake.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <new>

namespace slotless::cluster {

namespace {

// What PING may be answered with while a node loads its data or has lost its master, or by an ACL without +ping: the
// link itself is fine, requests are handled by their own replies.
constexpr std::array<std::string_view, 5> kHarmless = {"LOADING", "MASTERDOWN", "BUSY", "MISCONF", "NOPERM"};

bool isHarmless(std::string_view error) {
  return std::any_of(kHarmless.begin(), kHarmless.end(), [&](std::string_view code) { return error.starts_with(code); });
}

}  // namespace

void ReplyDeleter::operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
void ReaderDeleter::operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }

OwnReplyReader::OwnReplyReader() : reader_(redisReaderCreate()) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

void OwnReplyReader::feed(std::string_view bytes) { redisReaderFeed(reader_.get(), bytes.data(), bytes.size()); }

OwnReplyReader::Status OwnReplyReader::next(ReplyPtr& reply) {
  void* raw = nullptr;
  if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) return Status::Garbage;
  reply.reset(static_cast<redisReply*>(raw));
  return reply == nullptr ? Status::NeedMore : Status::Reply;
}

std::string formatCommand(const std::vector<std::string_view>& argv) {
  std::vector<const char*> pointers;
  std::vector<std::size_t> lengths;
  for (const std::string_view argument : argv) {
    pointers.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* formatted = nullptr;
  const auto length = redisFormatCommandArgv(&formatted, static_cast<int>(argv.size()), pointers.data(), lengths.data());
  if (length < 0) throw std::bad_alloc();
  std::string bytes(formatted, static_cast<std::size_t>(length));
  redisFreeCommand(formatted);
  return bytes;
}

std::string authRefusal(const Credentials& credentials, std::string_view text) {
  // A server that does not know AUTH repeats the arguments, at times cut short.
  text = text.substr(0, text.find(", with args"));
  if (text.find(credentials.password) != std::string_view::npos) text = text.substr(0, text.find(' '));
  return "AUTH refused: " + std::string(text);
}

Handshake::Handshake(const Credentials& credentials, std::string_view clientName)
    : credentials_(credentials) {
  if (!credentials.password.empty()) {
    bytes_ += credentials.username.empty() ? formatCommand({"AUTH", credentials.password})
                                           : formatCommand({"AUTH", credentials.username, credentials.password});
    steps_.push_back({"AUTH", false});
  }
  // Always one step that a node without a password refuses if it does want one.
  bytes_ += formatCommand({"PING"});
  steps_.push_back({"PING", false});
  if (!clientName.empty()) {
    bytes_ += formatCommand({"CLIENT", "SETNAME", clientName});
    steps_.push_back({"CLIENT SETNAME", true});
  }
  bytes_ += formatCommand({"CLIENT", "NO-EVICT", "on"});
  steps_.push_back({"CLIENT NO-EVICT", true});
}

Handshake::Progress Handshake::take(std::string_view bytes) {
  reader_.feed(bytes);
  for (;;) {
    ReplyPtr reply;
    const auto status = reader_.next(reply);
    if (status == OwnReplyReader::Status::NeedMore) return answered_ == steps_.size() ? Progress::Done : Progress::More;
    if (status == OwnReplyReader::Status::Garbage || answered_ == steps_.size()) {
      error_ = "the answer to the handshake is not RESP";
      return Progress::Failed;
    }
    const Step& step = steps_[answered_++];
    if (reply->type != REDIS_REPLY_ERROR || step.mayBeRefused) continue;
    const std::string_view text(reply->str, reply->len);
    if (step.name == std::string_view("PING") && isHarmless(text)) continue;
    error_ = step.name == std::string_view("AUTH") ? authRefusal(credentials_, text)
                                                   : std::string(step.name) + " refused: " + std::string(text);
    return Progress::Failed;
  }
}

}  // namespace slotless::cluster
