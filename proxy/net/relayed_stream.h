// An accepted connection that somebody else than its later owner reads first: the observer may change, and so
// may the address that counts as the far end.
#pragma once
#include <memory>
#include <string>
#include <utility>

#include "proxy/net/loop.h"

namespace slotless::net {

class RelayedStream final : public Stream, private Stream::Observer {
 public:
  // Takes the socket over. nullptr: it cannot be polled; the descriptor is closed.
  static std::unique_ptr<RelayedStream> adopt(Loop& loop, int descriptor, Stream::Observer& observer) {
    auto stream = std::unique_ptr<RelayedStream>(new RelayedStream(observer));
    stream->below_ = loop.adopt(descriptor, *stream);
    if (stream->below_ == nullptr) return nullptr;
    stream->peer_ = stream->below_->peer();
    return stream;
  }

  void setObserver(Stream::Observer& observer) noexcept { observer_ = &observer; }
  void setPeer(Address peer) { peer_ = std::move(peer); }

  void watch(bool readable, bool writable) override { below_->watch(readable, writable); }
  IoResult read(char* into, std::size_t capacity) override { return below_->read(into, capacity); }
  IoResult write(std::span<const iovec> pieces) override { return below_->write(pieces); }
  void remind() override { below_->remind(); }
  std::string describe(int error) const override { return below_->describe(error); }
  int connectError() override { return below_->connectError(); }
  const Address& peer() const override { return peer_; }
  Address local() const override { return below_->local(); }
  int descriptor() const override { return below_->descriptor(); }
  std::size_t unsent() const override { return below_->unsent(); }

 private:
  explicit RelayedStream(Stream::Observer& observer) : observer_(&observer) {}

  void onReadable() override { observer_->onReadable(); }
  void onWritable() override { observer_->onWritable(); }

  Stream::Observer* observer_;
  std::unique_ptr<Stream> below_;
  Address peer_;
};

}  // namespace slotless::net
