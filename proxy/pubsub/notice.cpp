#include "proxy/pubsub/notice.h"

#include <charconv>

namespace slotless::pubsub {

namespace {

// A line without its end; nullopt: no end.
std::optional<std::string_view> takeLine(std::string_view& rest) noexcept {
  const std::size_t end = rest.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

std::optional<std::string_view> takeBulk(std::string_view& rest) noexcept {
  const auto line = takeLine(rest);
  if (!line || line->empty() || line->front() != '$') return std::nullopt;
  std::size_t length = 0;
  const auto parsed = std::from_chars(line->data() + 1, line->data() + line->size(), length);
  if (parsed.ec != std::errc{} || length + 2 > rest.size()) return std::nullopt;
  const std::string_view bulk = rest.substr(0, length);
  rest.remove_prefix(length + 2);
  return bulk;
}

}  // namespace

std::optional<Notice> parseNotice(std::string_view reply) noexcept {
  const bool isArray = reply.starts_with('*') || reply.starts_with('>');  // RESP2, RESP3
  if (!isArray || !takeLine(reply)) return std::nullopt;
  const auto word = takeBulk(reply);
  const auto name = takeBulk(reply);
  if (!word || !name) return std::nullopt;
  for (std::size_t i = 0; i < kTopicKindCount; ++i) {
    const auto kind = static_cast<TopicKind>(i);
    const TopicWords& words = wordsOf(kind);
    if (*word == words.subscribe) return Notice{NoticeType::Subscribed, kind, *name, {}};
    if (*word == words.unsubscribe) return Notice{NoticeType::Unsubscribed, kind, *name, {}};
    if (*word != words.message) continue;
    const auto channel = kind == TopicKind::Pattern ? takeBulk(reply) : name;
    if (!channel) return std::nullopt;
    return Notice{NoticeType::Message, kind, *name, *channel};
  }
  return std::nullopt;
}

std::string_view payloadOf(const Notice& notice, std::string_view message) noexcept {
  const auto channelEnd =
      static_cast<std::size_t>(notice.channel.data() + notice.channel.size() - message.data());
  message.remove_prefix(channelEnd + 2);
  return takeBulk(message).value_or(std::string_view());
}

}  // namespace slotless::pubsub
