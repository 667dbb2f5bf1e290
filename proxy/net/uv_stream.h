// A TCP or Unix stream polled by libuv and read and written directly, so that the caller chooses the buffers.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "proxy/net/handle.h"
#include "proxy/net/loop.h"
#include "proxy/net/own_connections.h"

namespace slotless::net {

// How a descriptor is closed: hiredis owns those that it opened.
using Closer = std::function<void()>;

class UvStream final : public Stream {
 public:
  // Takes the descriptor over; `close` is called once, after libuv has let go of it.
  UvStream(uv_loop_t& loop, int descriptor, Address peer, Closer close, Observer& observer);
  ~UvStream() override;

  void watch(bool readable, bool writable) override;
  IoResult read(char* into, std::size_t capacity) override;
  IoResult write(std::span<const iovec> pieces) override;
  void endWriting() override;
  int connectError() override;
  const Address& peer() const override { return peer_; }
  Address local() const override;
  int descriptor() const override { return descriptor_.number; }
  // This process has made the connection: see OwnConnections.
  void nameAsOwn() { own_.emplace(local().text()); }
  // False if libuv cannot poll the descriptor.
  bool usable() const noexcept { return usable_; }

 private:
  struct Descriptor {
    ~Descriptor() { close(); }
    int number;
    Closer close;
  };

  static void onPoll(uv_poll_t* handle, int status, int events);

  // Before the handle, and so closed after it: uv_close() still takes the number out of the epoll set, and
  // once closed the number may be that of a descriptor which another thread has just opened.
  Descriptor descriptor_;
  OwnedHandle<uv_poll_t> poll_;
  int watched_ = 0;
  bool usable_ = false;
  Address peer_;
  Observer& observer_;
  std::optional<OwnEnd> own_;
};

}  // namespace slotless::net
