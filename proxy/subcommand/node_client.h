// One connection to one server: commands out, replies in, one after the other or many at once.
//
// Not thread-safe. Errors: a Reply that isLost(), with the reason; then the connection is closed, and open()
// makes another one. Nothing is repeated by itself.
#pragma once
#include <chrono>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/subcommand/byte_stream.h"
#include "proxy/subcommand/reply.h"
#include "proxy/subcommand/server_url.h"

namespace slotless::subcommand {

struct ConnectOptions {
  TlsFiles tls = {};
  std::chrono::milliseconds connectTimeout{5000};
  std::chrono::milliseconds replyTimeout{30'000};
  std::string clientName = "slotless";  // CLIENT SETNAME; empty: none
  bool resp3 = false;
  std::size_t mostReplyBytes = 0;  // 0: no limit
};

inline constexpr std::string_view kTooLarge = "TOOLARGE";

class NodeClient {
 public:
  NodeClient(ServerUrl url, ConnectOptions options);
  NodeClient(NodeClient&&) noexcept = default;
  NodeClient& operator=(NodeClient&&) noexcept = default;

  // Connects, says who asks, and selects the URL's database. The error, or nothing.
  std::string open();
  bool isOpen() const noexcept { return stream_ != nullptr; }
  void close() noexcept;
  const ServerUrl& url() const noexcept { return url_; }

  using Words = std::initializer_list<std::string_view>;
  // Sends it, and waits for the reply. A connection that is not open is opened first.
  Reply command(Words words);
  Reply command(std::span<const std::string> words);

  // Many at once: append(), then send(), then as many receive().
  void append(Words words);
  void append(std::span<const std::string> words);
  void append(std::span<const std::string_view> words);
  std::size_t appendedBytes() const noexcept { return out_.size(); }
  // The error, or nothing.
  std::string send();
  // Pushed messages are kept for takePush(). A reply above the limit is an error (kTooLarge), and the
  // connection is closed.
  Reply receive();
  Reply receive(std::chrono::milliseconds timeout);

  // What the server has said unasked; waits for it until the deadline. nullopt: nothing, or the connection is
  // lost (isOpen()).
  std::optional<Reply> takePush(Deadline deadline);
  // Why the connection was closed.
  const std::string& lastError() const noexcept { return lastError_; }

 private:
  Reply lose(std::string why);
  std::string greet();
  // False: the deadline has passed, or the connection is lost.
  bool readMore(Deadline deadline);

  ServerUrl url_;
  ConnectOptions options_;
  std::unique_ptr<ByteStream> stream_;
  ReplyReader reader_;
  std::string out_;
  std::string in_;
  std::deque<Reply> pushes_;
  std::string lastError_;
};

}  // namespace slotless::subcommand
