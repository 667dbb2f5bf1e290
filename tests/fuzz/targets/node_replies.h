// Bytes as the proxy reads nodes' replies to what it asks for itself, within its limits.
#pragma once
#include <hiredis/hiredis.h>

#include "proxy/upstream/handshake.h"
#include "target.h"

namespace slotless::fuzz {

// nullptr: no whole reply.
inline upstream::ReplyPtr readReply(std::string_view bytes) {
  upstream::OwnReplyReader reader;
  upstream::ReplyPtr reply;
  reader.feed(bytes);
  if (reader.next(reply) != upstream::OwnReplyReader::Status::Reply) reply = nullptr;
  return reply;
}

}  // namespace slotless::fuzz
