// Bytes as hiredis reads them.
#pragma once
#include <hiredis/hiredis.h>

#include <memory>

#include "target.h"

namespace slotless::fuzz {

using ReplyPtr = std::unique_ptr<redisReply, void (*)(void*)>;

// nullptr: no whole reply.
inline ReplyPtr readReply(std::string_view bytes) {
  const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(), redisReaderFree);
  void* reply = nullptr;
  redisReaderFeed(reader.get(), bytes.data(), bytes.size());
  if (redisReaderGetReply(reader.get(), &reply) != REDIS_OK) reply = nullptr;
  return {static_cast<redisReply*>(reply), freeReplyObject};
}

}  // namespace slotless::fuzz
