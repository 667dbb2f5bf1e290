#include "proxy/server/predecessor.h"

#include <utility>

#include "proxy/server/succession.h"

namespace slotless::server {

Predecessor::Predecessor(net::Loop& loop, int channel, std::function<void()> done)
    : done_(std::move(done)), channel_(loop.adopt(channel, *this)) {}

void Predecessor::tellReady() {
  if (channel_ != nullptr) say(*channel_, Word::Ready);
}

void Predecessor::onReadable() {
  const Heard heard = hear(*channel_);
  if (heard != Heard::Done && heard != Heard::End) return;
  channel_.reset();
  const auto done = std::move(done_);  // it may destroy this object
  done();
}

}  // namespace slotless::server
