// Takes what a node says on a subscription's connection apart, RESP2.
//
// The views are good as long as the bytes are. Source: redis.io/docs/manual/pubsub, "Format of pushed
// messages".
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/pubsub/topic.h"

namespace slotless::pubsub {

enum class NoticeType : std::uint8_t { Subscribed, Unsubscribed, Message };

struct Notice {
  NoticeType type = NoticeType::Message;
  TopicKind kind = TopicKind::Channel;
  std::string_view name;     // of the topic
  std::string_view channel;  // that the message was sent to
};

// nullopt: nothing of that kind.
std::optional<Notice> parseNotice(std::string_view reply) noexcept;
// What a message says. `message`: the bytes that `notice` has been made of.
std::string_view payloadOf(const Notice& notice, std::string_view message) noexcept;

}  // namespace slotless::pubsub
