#include "proxy/upstream/reply_view.h"

#include <hiredis/hiredis.h>

#include <cstddef>

namespace slotless::upstream {

std::string_view textOf(const redisReply* reply) noexcept {
  const bool isText =
      reply != nullptr && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
  return isText ? std::string_view(reply->str, reply->len) : std::string_view();
}

bool isList(const redisReply& reply) noexcept {
  return reply.type != REDIS_REPLY_STRING && reply.type != REDIS_REPLY_STATUS &&
         reply.type != REDIS_REPLY_ERROR && reply.type != REDIS_REPLY_INTEGER &&
         reply.type != REDIS_REPLY_NIL;
}

std::span<redisReply* const> elementsOf(const redisReply* reply) noexcept {
  if (reply == nullptr || !isList(*reply)) return {};
  return {reply->element, reply->elements};
}

const redisReply* valueOf(const redisReply* pairs, std::string_view key) noexcept {
  const auto elements = elementsOf(pairs);
  for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (textOf(elements[i]) == key) return elements[i + 1];
  }
  return nullptr;
}

}  // namespace slotless::upstream
