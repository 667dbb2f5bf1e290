// What is said first on every connection to a node: AUTH, HELLO 3, CLIENT SETNAME, CLIENT NO-EVICT; and the
// tools for other things that the proxy itself asks.
//
// Commands are written by redisFormatCommandArgv, and replies whose contents matter are parsed by hiredis'
// reader: no data path here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/reply_scanner.h"
#include "proxy/telemetry/denials.h"
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

// AUTH with these credentials, which must have a password.
std::string authCommand(const Credentials& credentials);

// Whether to learn the node's number for the connection: CLIENT ID, which old servers and ACLs may refuse.
enum class AskId : std::uint8_t { No, IfAllowed };

// What a connection is once its node has been greeted.
struct Greeting {
  std::int64_t clientId = 0;     // the node's number for it; 0: not asked for, or not told
  int protocol = 2;              // what the node speaks on it
  std::uint64_t generation = 0;  // of the access that was presented
  bool byPrevious = false;       // it was accepted with the credentials before those
  bool readOnlyDenied = false;   // READONLY was asked for, and the node denies it: it serves no reads
};

// RESP3 where the node knows it, and RESP2 elsewhere.
inline constexpr int kBestProtocol = 0;

// Only the kind of each reply matters here, and HELLO 3 is answered by a map, which the oldest hiredis cannot
// read: the replies are taken by our own scanner.
class Handshake {
 public:
  // `protocol`: 2, 3 or kBestProtocol. `askId`: see Greeting. `readOnly`: READONLY, so that a replica serves
  // reads.
  explicit Handshake(const Access& access, int protocol = 2, AskId askId = AskId::No, bool readOnly = false);

  // All commands in one piece.
  const std::string& bytes() const noexcept { return bytes_; }
  // Again: the node refuses the credentials, and bytes() are another greeting, with the other ones. Once.
  enum class Progress { More, Again, Done, Failed };
  // Takes the node's bytes. Failed: the reason is in error(), never with a secret in it. Bytes behind the
  // handshake's replies are a failure too: nothing else has been asked.
  Progress take(std::string_view bytes);
  const std::string& error() const noexcept { return error_; }
  // Valid once it is done.
  const Greeting& greeting() const noexcept { return greeting_; }
  // It has failed because the node takes none of the credentials.
  bool unauthorised() const noexcept { return unauthorised_; }
  // Notes what the node has denied so far, and what not.
  void noteDenials(const net::Address& node, net::TimePoint now) const;
  const Access& access() const noexcept { return access_; }

 private:
  enum class Refusal : std::uint8_t { Fails, FailsUnlessDenied, DoesNoHarm };
  struct Step {
    const char* name;
    Refusal refusal;  // by an ACL, a managed service or an old server
    std::optional<telemetry::Deniable> what;
    std::string denied = {};  // the node's words, if it has denied it
  };
  using What = std::optional<telemetry::Deniable>;
  void write(bool byPrevious);
  void add(const std::vector<std::string_view>& argv, const char* name, Refusal refusal, What what = {});
  // False: failed.
  bool judge(Step& step, std::string_view reply);
  bool judgeRefusedAuth();

  const Access access_;
  const int protocol_;
  const AskId askId_;
  const bool readOnly_;
  protocol::ReplyScanner scanner_;
  std::string reply_;  // the reply that is being received
  std::string bytes_;
  std::vector<Step> steps_;
  std::size_t answered_ = 0;
  Greeting greeting_;
  bool triesOther_ = false;  // the other credentials have been tried, or are about to be
  bool again_ = false;       // … and these answers do not count any more
  bool unauthorised_ = false;
  std::string error_;
};

}  // namespace slotless::upstream
