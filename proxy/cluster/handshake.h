// What is said first on every connection to a node: AUTH, CLIENT SETNAME, CLIENT NO-EVICT.
//
// Commands are written by redisFormatCommandArgv and replies are parsed by hiredis' reader: no data path here.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/credentials.h"

struct redisReader;
struct redisReply;

namespace slotless::cluster {

struct ReplyDeleter {
  void operator()(redisReply* reply) const noexcept;
};
using ReplyPtr = std::unique_ptr<redisReply, ReplyDeleter>;

struct ReaderDeleter {
  void operator()(redisReader* reader) const noexcept;
};

// Parses replies to the proxy's own commands.
class OwnReplyReader {
 public:
  OwnReplyReader();
  enum class Status { Reply, NeedMore, Garbage };
  void feed(std::string_view bytes);
  Status next(ReplyPtr& reply);

 private:
  std::unique_ptr<redisReader, ReaderDeleter> reader_;
};

std::string formatCommand(const std::vector<std::string_view>& argv);

// Why AUTH failed, in the node's words, but never with the password in it.
std::string authRefusal(const Credentials& credentials, std::string_view text);

class Handshake {
 public:
  Handshake(const Credentials& credentials, std::string_view clientName);

  // All commands in one piece.
  const std::string& bytes() const noexcept { return bytes_; }
  enum class Progress { More, Done, Failed };
  // Takes the node's bytes. Failed: the reason is in error(), never with a secret in it. On Done, what follows the
  // handshake's replies is garbage (nothing else has been asked) and gives Failed as well.
  Progress take(std::string_view bytes);
  const std::string& error() const noexcept { return error_; }

 private:
  struct Step {
    const char* name;
    bool mayBeRefused;  // by an ACL, a managed service or an old server
  };
  Credentials credentials_;
  OwnReplyReader reader_;
  std::string bytes_;
  std::vector<Step> steps_;
  std::size_t answered_ = 0;
  std::string error_;
};

}  // namespace slotless::cluster
