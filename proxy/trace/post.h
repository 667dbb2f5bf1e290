// Posts one body after the other to one collector, and tells what it said: HTTP/1.1 on a connection that is
// kept as long as both sides like. A connection that was kept and turns out to be closed is made anew once,
// and nobody is told.
//
// Ownership: the exporter's; may be destroyed at any time, within `done` as well. All on the loop's thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/http_url.h"
#include "proxy/net/loop.h"
#include "proxy/trace/http_response.h"
#include "proxy/upstream/dialler.h"

namespace slotless::trace {

struct PostOutcome {
  enum class Kind : std::uint8_t { Answered, Unreachable, TimeOut, Nonsense };

  Kind kind = Kind::Answered;
  int status = 0;    // of Answered, as the next two
  std::string body;  // the beginning of it
  std::optional<std::chrono::seconds> retryAfter = {};
  std::string error = {};  // of the others
};

class Post final : private net::Stream::Observer, private upstream::Dialler::Owner {
 public:
  // From the first step to the end of the answer.
  static constexpr net::Millis kPatience{10'000};

  using Done = std::function<void(const PostOutcome& outcome)>;
  // `done` is never called from within send().
  Post(net::Loop& loop, const config::HttpUrl& collector, Done done);
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;
  ~Post() = default;

  // Requires that the last one is done.
  void send(std::string_view body);

 private:
  enum class State : std::uint8_t { Idle, Dialling, Exchanging };

  void onReadable() override;
  void onWritable() override;
  void onDialled(std::unique_ptr<net::Stream> stream) override;
  void onDialFailed(std::string_view reason) override;
  void dial();
  void begin();
  void write();
  // False: it is over, or the connection is closed.
  bool take(const net::IoResult& result, const char* bytes);
  void lose(const std::string& reason);
  void finish(PostOutcome outcome);
  void close();

  net::Loop& loop_;
  const config::HttpUrl collector_;
  const Done done_;
  const std::unique_ptr<net::Timer> deadline_;
  upstream::Dialler dialler_;
  State state_ = State::Idle;
  std::unique_ptr<net::Stream> stream_;
  bool isUsed_ = false;  // it has carried an answer before
  std::size_t attempt_ = 0;
  std::string request_;
  std::size_t written_ = 0;
  HttpResponse response_;
};

}  // namespace slotless::trace
