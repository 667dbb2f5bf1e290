#include "proxy/net/uv_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "proxy/net/socket_address.h"
#include "proxy/net/uv_loop.h"

namespace slotless::net {

namespace {

IoResult resultOf(ssize_t transferred, bool reading) {
  if (transferred > 0) return {IoStatus::Ok, static_cast<std::size_t>(transferred), 0};
  if (transferred == 0) return {reading ? IoStatus::End : IoStatus::WouldBlock, 0, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {IoStatus::WouldBlock, 0, 0};
  return {IoStatus::Failed, 0, errno};
}

}  // namespace

UvStream::UvStream(uv_loop_t& loop, int descriptor, Address peer, Closer close, Observer& observer)
    : descriptor_{descriptor, std::move(close)}, peer_(std::move(peer)), observer_(observer) {
  if (uv_poll_init(&loop, poll_.get(), descriptor) == 0) {
    poll_.initialised(this);
    usable_ = true;
  }
}

UvStream::~UvStream() {
  if (usable_) uv_poll_stop(poll_.get());
}

void UvStream::watch(bool readable, bool writable) {
  const int wanted = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  if (wanted == watched_ || !usable_) return;
  watched_ = wanted;
  if (wanted == 0) {
    uv_poll_stop(poll_.get());
  } else {
    uv_poll_start(poll_.get(), wanted, &UvStream::onPoll);
  }
}

void UvStream::onPoll(uv_poll_t* handle, int status, int events) {
  auto* self = static_cast<UvStream*>(handle->data);
  if (status < 0) {
    // A broken socket shows up as the error of a read or write, once what had come before has been read.
    // libuv has stopped polling.
    events = self->watched_;
    uv_poll_start(handle, self->watched_, &UvStream::onPoll);
  }
  if ((events & UV_WRITABLE) != 0) self->observer_.onWritable();
  // The observer may have destroyed the stream, or lost its interest in reading.
  self = static_cast<UvStream*>(handle->data);
  if (self != nullptr && (events & self->watched_ & UV_READABLE) != 0) self->observer_.onReadable();
  UvLoop::onEventDone(*handle->loop);  // may destroy the stream, too
}

IoResult UvStream::read(char* into, std::size_t capacity) {
  return resultOf(::recv(descriptor_.number, into, capacity, 0), true);
}

IoResult UvStream::write(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  return resultOf(::sendmsg(descriptor_.number, &message, MSG_NOSIGNAL), false);
}

void UvStream::endWriting() {
  ::shutdown(descriptor_.number, SHUT_WR);
}

Address UvStream::local() const {
  return nearEndOf(descriptor_.number);
}

int UvStream::connectError() {
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(descriptor_.number, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

}  // namespace slotless::net
