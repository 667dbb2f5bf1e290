#include "proxy/peers/beat.h"

#include <algorithm>
#include <array>
#include <limits>

#include "proxy/peers/message_text.h"

namespace slotless::peers {

namespace {

constexpr std::string_view kWhat = "slotless-proxy";
constexpr std::string_view kTooMany = "too-many";

constexpr std::size_t kMostNodes = 2048;
constexpr std::size_t kMostLacking = 256;
// So that no sum of them overflows.
constexpr std::int64_t kMostOfATopic = 1'000'000'000;

constexpr std::array<std::string_view, pubsub::kTopicKindCount> kKinds = {"channel", "pattern", "shard"};

Pairs pairsOf(const Beat& beat) {
  Pairs pairs;
  const auto add = [&](std::string_view name, std::string value) {
    pairs.emplace_back(name, std::move(value));
  };
  add("id", beat.id);
  add("place", beat.place);
  add("release", beat.release);
  add("clients", std::to_string(beat.clients));
  add("version", std::to_string(beat.version));
  for (const std::string& id : beat.lacking) add("lacks", id);
  if (!beat.counts) return pairs;
  add("topics", beat.counts->tooMany ? std::string(kTooMany) : std::to_string(beat.counts->topics.size()));
  for (const std::string& node : beat.counts->nodes) add("node", node);
  for (const TopicCount& topic : beat.counts->topics) {
    add(kKinds[static_cast<std::size_t>(topic.kind)], topic.name);
    std::string numbers = std::to_string(topic.listeners);
    for (const auto& [node, count] : topic.upstream)
      numbers += " " + std::to_string(node) + ":" + std::to_string(count);
    add("has", std::move(numbers));
  }
  return pairs;
}

// The text up to the character, or all of it; takes that off.
std::string_view takeUpTo(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

// Takes one pair of a message after another. False: that is no message of ours.
class Reading {
 public:
  bool take(std::string_view name, std::string_view value) {
    for (const Field& field : kFields) {
      if (field.name == name) return (this->*field.take)(value);
    }
    for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
      if (kKinds[kind] == name) return takeTopic(static_cast<pubsub::TopicKind>(kind), value);
    }
    return true;
  }

  std::optional<Beat> end() {
    if (beat_.id.empty()) return std::nullopt;
    if (beat_.counts && beat_.counts->topics.size() != announced_) return std::nullopt;
    return std::move(beat_);
  }

 private:
  struct Field {
    std::string_view name;
    bool (Reading::*take)(std::string_view value);
  };

  static bool takeText(std::string_view value, std::string& into) {
    into = value;
    return value.size() <= kMostTextBytes;
  }
  static bool takeNumber(std::string_view value, std::uint64_t& into) {
    const auto number = numberUpTo(value, std::numeric_limits<std::int64_t>::max());
    into = static_cast<std::uint64_t>(number.value_or(0));
    return number.has_value();
  }
  bool takeId(std::string_view value) { return takeText(value, beat_.id); }
  bool takePlace(std::string_view value) { return takeText(value, beat_.place); }
  bool takeRelease(std::string_view value) { return takeText(value, beat_.release); }
  bool takeClients(std::string_view value) { return takeNumber(value, beat_.clients); }
  bool takeVersion(std::string_view value) { return takeNumber(value, beat_.version); }
  bool takeLacking(std::string_view value) {
    beat_.lacking.emplace_back(value);
    return value.size() <= kMostTextBytes && beat_.lacking.size() <= kMostLacking;
  }
  bool takeTopics(std::string_view value) {
    if (beat_.counts) return false;
    beat_.counts.emplace();
    beat_.counts->tooMany = value == kTooMany;
    const auto number = beat_.counts->tooMany ? 0 : numberUpTo(value, kMostTopics);
    announced_ = static_cast<std::size_t>(number.value_or(0));
    return number.has_value();
  }
  bool takeNode(std::string_view value) {
    if (!beat_.counts) return false;
    beat_.counts->nodes.emplace_back(value);
    return value.size() <= kMostTextBytes && beat_.counts->nodes.size() <= kMostNodes;
  }
  bool takeTopic(pubsub::TopicKind kind, std::string_view name) {
    nameBytes_ += name.size();
    if (!beat_.counts || beat_.counts->topics.size() == announced_ || nameBytes_ > kMostNameBytes)
      return false;
    beat_.counts->topics.push_back({kind, std::string(name), 0, {}});
    return true;
  }
  bool takeNumbers(std::string_view value) {
    if (!beat_.counts || beat_.counts->topics.empty()) return false;
    TopicCount& topic = beat_.counts->topics.back();
    const auto listeners = numberUpTo(takeUpTo(value, ' '), kMostOfATopic);
    if (!listeners) return false;
    topic.listeners = *listeners;
    while (!value.empty()) {
      std::string_view pair = takeUpTo(value, ' ');
      const auto node =
          numberUpTo(takeUpTo(pair, ':'), static_cast<std::int64_t>(beat_.counts->nodes.size()) - 1);
      const auto count = numberUpTo(pair, kMostOfATopic);
      if (!node || !count || topic.upstream.size() == kMostNodes) return false;
      topic.upstream.emplace_back(static_cast<std::size_t>(*node), *count);
    }
    return true;
  }

  static const std::array<Field, 9> kFields;

  Beat beat_;
  std::size_t announced_ = 0;  // topics
  std::size_t nameBytes_ = 0;
};

constexpr std::array<Reading::Field, 9> Reading::kFields = {{
    {"id", &Reading::takeId},
    {"place", &Reading::takePlace},
    {"release", &Reading::takeRelease},
    {"clients", &Reading::takeClients},
    {"version", &Reading::takeVersion},
    {"lacks", &Reading::takeLacking},
    {"topics", &Reading::takeTopics},
    {"node", &Reading::takeNode},
    {"has", &Reading::takeNumbers},
}};

}  // namespace

std::string written(const Beat& beat) {
  std::string out = writtenPairs(kWhat, pairsOf(beat));
  if (out.size() <= kMostMessageBytes) return out;
  Beat shorter = beat;
  shorter.counts = Counts{true, {}, {}};
  return writtenPairs(kWhat, pairsOf(shorter));
}

std::optional<Beat> readBeat(std::string_view message) {
  Reading reading;
  const auto take = [&](std::string_view name, std::string_view value) { return reading.take(name, value); };
  return readPairs(message, kWhat, take) ? reading.end() : std::nullopt;
}

}  // namespace slotless::peers
