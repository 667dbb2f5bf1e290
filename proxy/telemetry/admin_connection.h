// One connection to the admin server: the deadline of its request, the request, and the way of the page.
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

namespace slotless::telemetry {

class AdminConnection final : public net::Stream::Observer {
 public:
  struct Events {
    // A request has come: its page, or nothing if answer() is called later.
    std::function<std::string(std::string_view method, std::string_view path)> page;
    // It is written, or will never be.
    std::function<void()> closed;
  };

  AdminConnection(std::uint64_t id, net::Loop& loop, Events events);

  // Once, before anything else.
  void standOn(std::unique_ptr<net::Stream> stream) { stream_ = std::move(stream); }
  void answer(std::string text);

  std::uint64_t id() const noexcept { return id_; }
  const std::string& host() const { return stream_->peer().host; }
  bool closed() const noexcept { return state_ == State::Closed; }
  bool writing() const noexcept { return state_ == State::Writing; }

 private:
  enum class State : std::uint8_t {
    Reading,
    Rendering,  // on the other thread
    Writing,
    Leaving,  // all is written: unread bytes must not turn the end into a reset that destroys the answer
    Closed
  };

  void onReadable() override;
  void onWritable() override;
  void read();
  void take();
  void write();
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
};

}  // namespace slotless::telemetry
