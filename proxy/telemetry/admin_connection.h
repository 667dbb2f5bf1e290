// One connection to the admin server: the deadline of its request, the request, and the way of the page or of
// the events of a stream.
//
// Belongs to the thread of the server's loop. It only says that it is over (closed()): the server destroys
// it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/net/loop.h"
#include "proxy/telemetry/admin_site.h"

namespace slotless::telemetry {

class AdminConnection final : public net::Stream::Observer {
 public:
  struct Events {
    // A request has come: its page, or nothing if answer() is called later.
    std::function<std::string(AdminRequest request)> page;
    // It is written, or will never be.
    std::function<void()> closed;
  };

  AdminConnection(std::uint64_t id, net::Loop& loop, Events events);

  // Once, before anything else.
  void standOn(std::unique_ptr<net::Stream> stream) { stream_ = std::move(stream); }
  void answer(std::string text);
  // The same where events follow the text.
  void beginStream(std::string text);
  // One event, unless the ones before have not been taken yet.
  void send(const std::string& event);

  std::uint64_t id() const noexcept { return id_; }
  const std::string& host() const { return stream_->peer().host; }
  bool closed() const noexcept { return state_ == State::Closed; }
  bool writing() const noexcept { return state_ == State::Writing; }
  bool streams() const noexcept { return state_ == State::Streaming; }

 private:
  enum class State : std::uint8_t {
    Reading,
    Rendering,  // on the other thread
    Writing,
    Streaming,  // until the other side has enough
    Leaving,    // all is written: unread bytes must not turn the end into a reset that destroys the answer
    Closed
  };

  void onReadable() override;
  void onWritable() override;
  void read();
  void take();
  // Whether all has left.
  bool flush();
  void write();
  void discardInput();
  void leave();
  void close();

  const std::uint64_t id_;
  const Events events_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::Timer> deadline_;
  State state_ = State::Reading;
  std::string input_;
  std::string output_;
  std::size_t written_ = 0;
  unsigned sent_ = 0;  // events
};

}  // namespace slotless::telemetry
