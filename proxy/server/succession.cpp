#include "proxy/server/succession.h"

#include <array>

namespace slotless::server {

void say(net::Stream& channel, Word word) {
  char byte = static_cast<char>(word);
  const std::array<iovec, 1> pieces{iovec{&byte, 1}};
  channel.write(pieces);
}

Heard hear(net::Stream& channel) {
  char byte = 0;
  const net::IoResult got = channel.read(&byte, 1);
  if (got.status == net::IoStatus::WouldBlock) return Heard::Nothing;
  if (got.status != net::IoStatus::Ok) return Heard::End;
  if (byte == static_cast<char>(Word::Ready)) return Heard::Ready;
  return byte == static_cast<char>(Word::Done) ? Heard::Done : Heard::Nothing;
}

}  // namespace slotless::server
