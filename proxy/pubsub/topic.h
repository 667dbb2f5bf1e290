// What can be subscribed to, and who is told of it.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace slotless::pubsub {

enum class TopicKind : std::uint8_t { Channel, Pattern, Shard };
inline constexpr std::size_t kTopicKindCount = 3;

// Redis's word for subscribing to it ("psubscribe") and for its messages ("pmessage").
struct TopicWords {
  std::string_view subscribe;
  std::string_view unsubscribe;
  std::string_view message;
};
inline constexpr std::array<TopicWords, kTopicKindCount> kTopicWords = {{
    {"subscribe", "unsubscribe", "message"},
    {"psubscribe", "punsubscribe", "pmessage"},
    {"ssubscribe", "sunsubscribe", "smessage"},
}};
inline const TopicWords& wordsOf(TopicKind kind) noexcept {
  return kTopicWords[static_cast<std::size_t>(kind)];
}

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
};
template <typename Value>
using NameMap = std::unordered_map<std::string, Value, NameHash, std::equal_to<>>;

// One map per kind.
template <typename Value>
using TopicMaps = std::array<NameMap<Value>, kTopicKindCount>;

class Topic;

// One client's ear. Must not be destroyed inside of these.
class Listener {
 public:
  // A whole message as RESP2 array; in RESP3 only its first byte differs.
  virtual void onMessage(std::string_view message) = 0;
  // The topic that it awaits is live.
  virtual void onLive(Topic& topic) = 0;
  // A node refuses it, by this error line; nobody awaits it any more.
  virtual void onRefused(Topic& topic, std::string_view line) = 0;
  // Time passes while it awaits something.
  virtual void onWaiting() = 0;

 protected:
  ~Listener() = default;
};

}  // namespace slotless::pubsub
