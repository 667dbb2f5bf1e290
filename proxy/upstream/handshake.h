// What is said first on every connection to a node: AUTH, HELLO 3, CLIENT SETNAME, CLIENT NO-EVICT; and the
// tools for other things that the proxy itself asks.
//
// Commands are written by redisFormatCommandArgv, and replies whose contents matter are parsed by hiredis'
// reader: no data path here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/reply_scanner.h"
#include "proxy/upstream/access.h"

struct redisReader;
struct redisReply;

namespace slotless::upstream {

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

// Whether to learn the node's number for the connection: CLIENT ID, which old servers and ACLs may refuse.
enum class AskId : std::uint8_t { No, IfAllowed, Always };

// Only the kind of each reply matters here, and HELLO 3 is answered by a map, which the oldest hiredis cannot
// read: the replies are taken by our own scanner.
class Handshake {
 public:
  // `protocol`: 2 or 3. `askId`: see clientId(). `readOnly`: READONLY, so that a replica serves reads.
  explicit Handshake(const Access& access, int protocol = 2, AskId askId = AskId::No, bool readOnly = false);

  // All commands in one piece.
  const std::string& bytes() const noexcept { return bytes_; }
  enum class Progress { More, Done, Failed };
  // Takes the node's bytes. Failed: the reason is in error(), never with a secret in it. Bytes behind the
  // handshake's replies are a failure too: nothing else has been asked.
  Progress take(std::string_view bytes);
  const std::string& error() const noexcept { return error_; }
  std::int64_t clientId() const noexcept { return clientId_; }
  const Access& access() const noexcept { return access_; }

 private:
  struct Step {
    const char* name;
    bool mayBeRefused;  // by an ACL, a managed service or an old server
  };
  void add(const std::vector<std::string_view>& argv, const char* name, bool mayBeRefused);
  // False: failed.
  bool judge(const Step& step, std::string_view reply);

  Access access_;
  protocol::ReplyScanner scanner_;
  std::string reply_;  // the reply that is being received
  std::string bytes_;
  std::vector<Step> steps_;
  std::size_t answered_ = 0;
  std::int64_t clientId_ = 0;
  std::string error_;
};

}  // namespace slotless::upstream
