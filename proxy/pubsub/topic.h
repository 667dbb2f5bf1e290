// What can be subscribed to, and who is told of it.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/pubsub/name_map.h"

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

// One map per kind.
template <typename Value>
using TopicMaps = std::array<NameMap<Value>, kTopicKindCount>;

// Goes over all names of some maps in pieces, table by table. Names that come meanwhile may be left out.
template <typename Value>
class TopicWalk {
 public:
  void begin() noexcept { next_ = 0; }
  void stop() noexcept { next_ = kAll; }
  bool over() const noexcept { return next_ == kAll; }
  // Visits a table: visit(kind, name, value). How many names it had.
  template <typename Visit>
  std::size_t goOn(TopicMaps<Value>& maps, Visit visit) {
    const std::size_t map = next_ / NameMap<Value>::kTables;
    if (maps[map].empty()) {
      next_ = (map + 1) * NameMap<Value>::kTables;
      return 0;
    }
    std::size_t visited = 0;
    maps[map].visitTable(next_ % NameMap<Value>::kTables, [&](const std::string& name, Value& value) {
      ++visited;
      visit(static_cast<TopicKind>(map), name, value);
    });
    ++next_;
    return visited;
  }

 private:
  static constexpr std::size_t kAll = kTopicKindCount * NameMap<Value>::kTables;
  std::size_t next_ = kAll;
};

// So many topics are dealt with before others get their turn.
inline constexpr std::size_t kTopicsAtOnce = 500;

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
  // The same, of one that it listens to.
  virtual void onBarred(std::string_view line) { static_cast<void>(line); }
  // What nodes had said of its topics when it fenced them has been passed on.
  virtual void onFenced() {}
  // Time passes while it awaits something.
  virtual void onWaiting() = 0;

 protected:
  ~Listener() = default;
};

}  // namespace slotless::pubsub
