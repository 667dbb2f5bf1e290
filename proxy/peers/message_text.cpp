#include "proxy/peers/message_text.h"

#include <hiredis/hiredis.h>

#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/upstream/handshake.h"

namespace slotless::peers {

namespace {

constexpr std::string_view kForm = "1";

std::string_view textOf(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING ? std::string_view(reply.str, reply.len) : std::string_view();
}

}  // namespace

std::string writtenPairs(std::string_view what, const Pairs& pairs) {
  std::string out;
  protocol::appendArrayHeader(out, 2 + 2 * pairs.size());
  protocol::appendBulk(out, what);
  protocol::appendBulk(out, kForm);
  for (const auto& [name, value] : pairs) {
    protocol::appendBulk(out, name);
    protocol::appendBulk(out, value);
  }
  return out;
}

bool readPairs(std::string_view message, std::string_view what,
               const std::function<bool(std::string_view name, std::string_view value)>& take) {
  if (message.size() > kMostMessageBytes || !message.starts_with('*')) return false;
  upstream::OwnReplyReader reader;
  upstream::ReplyPtr reply;
  reader.feed(message);
  if (reader.next(reply) != upstream::OwnReplyReader::Status::Reply) return false;
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 || reply->elements % 2 != 0) return false;
  if (textOf(*reply->element[0]) != what || textOf(*reply->element[1]) != kForm) return false;
  for (std::size_t i = 2; i < reply->elements; i += 2) {
    if (!take(textOf(*reply->element[i]), textOf(*reply->element[i + 1]))) return false;
  }
  return true;
}

std::optional<std::int64_t> numberUpTo(std::string_view text, std::int64_t most) {
  const auto number = protocol::strictInteger(text);
  return number && *number >= 0 && *number <= most ? number : std::nullopt;
}

}  // namespace slotless::peers
