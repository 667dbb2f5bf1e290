// What a proxy says once a second on the channel of all proxies of its cluster, and how it is written.
//
// As a RESP array of bulk strings, a name and a value in turn, behind two words that say what it is. Names
// that are not known are skipped, so that releases understand each other. What comes from the channel may
// have been written by anybody: each number and length has a limit.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/pubsub/topic.h"

namespace slotless::peers {

struct TopicCount {
  pubsub::TopicKind kind = pubsub::TopicKind::Channel;
  std::string name;
  std::int64_t listeners = 0;
  // Subscriptions of its workers at nodes: which of Counts::nodes, and how many.
  std::vector<std::pair<std::size_t, std::int64_t>> upstream;

  bool operator==(const TopicCount&) const = default;
};

// Who listens to what at one proxy, where nodes' counts do not show it (see Census::uneven()).
struct Counts {
  bool tooMany = false;            // to be told
  std::vector<std::string> nodes;  // the cluster's name of each; where it has none, the address
  std::vector<TopicCount> topics;

  bool operator==(const Counts&) const = default;
};

struct Beat {
  std::string id;     // of the process
  std::string place;  // for people
  std::string release;
  std::uint64_t clients = 0;
  std::uint64_t version = 0;         // of its counts
  std::vector<std::string> lacking;  // whose newest counts it has not heard
  std::optional<Counts> counts;      // only when somebody may lack them

  bool operator==(const Beat&) const = default;
};

// What a proxy tells of at most; more is "too many".
inline constexpr std::size_t kMostTopics = 2048;
inline constexpr std::size_t kMostNameBytes = std::size_t{64} * 1024;

// Counts that make it too long are left out, as too many.
std::string written(const Beat& beat);
// nullopt: it is not one, or beyond the limits.
std::optional<Beat> readBeat(std::string_view message);

}  // namespace slotless::peers
