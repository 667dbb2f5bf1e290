#include "proxy/server/successor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/net/uv_loop.h"
#include "proxy/server/succession.h"

namespace slotless::server {

std::unique_ptr<Successor> Successor::start(net::UvLoop& loop, const Invocation& invocation,
                                            const std::vector<std::unique_ptr<net::Listener>>& listeners,
                                            net::Millis patience, Events events, std::string& error) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    error = std::strerror(errno);
    return nullptr;
  }
  auto made = std::make_unique<Successor>(std::move(events));
  Successor* self = made.get();
  made->channel_ = loop.adopt(ends[0], *self);
  made->child_ = net::ChildProcess::start(
      loop, passOn(invocation, listeners, ends[1]),
      [self](std::int64_t code, int signal) { self->onEnded(code, signal); }, error);
  ::close(ends[1]);
  if (made->child_ == nullptr || made->channel_ == nullptr) return nullptr;
  made->patience_ = loop.makeTimer([self] { self->fail("it was not ready in time"); });
  made->patience_->start(patience);
  return made;
}

Successor::~Successor() {
  if (child_ != nullptr && !ready_) net::ChildProcess::kill(std::move(child_));  // it has served nobody
}

void Successor::tellDone() {
  say(*channel_, Word::Done);
}

void Successor::onReadable() {
  switch (hear(*channel_)) {
    case Heard::Ready:
      if (ready_) return;
      ready_ = true;
      patience_->stop();
      return events_.ready();
    case Heard::End:
      channel_->watch(false, false);  // its end is told apart
      return;
    case Heard::Done:
    case Heard::Nothing: return;
  }
}

void Successor::onEnded(std::int64_t code, int signal) {
  if (ready_) return;
  fail(signal != 0 ? "it was ended by signal " + std::to_string(signal)
                   : "it ended with code " + std::to_string(code));
}

void Successor::fail(const std::string& why) {
  const auto failed = std::move(events_.failed);  // it may destroy this object
  failed(why);
}

}  // namespace slotless::server
