// How many clients listen to what, and what the workers' own subscriptions add to the nodes' counts: so that
// PUBLISH and PUBSUB NUMSUB give the numbers that one Redis would give.
//
// Of this process, and of other proxies as far as they tell (proxy/peers): what they have counts as what is
// had here, in every answer. Thread-safe. Touched when somebody subscribes, unsubscribes, publishes or asks.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/address/address.h"
#include "proxy/pubsub/pattern_index.h"
#include "proxy/pubsub/peer_report.h"
#include "proxy/pubsub/topic.h"

namespace slotless::pubsub {

// What one process has of a topic: clients that listen, and subscriptions of its workers at nodes.
struct TopicShare {
  std::int64_t listeners = 0;
  std::map<net::Address, std::int64_t> upstream;

  bool empty() const noexcept { return listeners == 0 && upstream.empty(); }
  bool operator==(const TopicShare&) const = default;
};

class Census {
 public:
  // Clients that listen to the topic.
  void addListeners(TopicKind kind, std::string_view name, std::int64_t change);
  // One of them is leaving: it counts no longer, except for what was on its way to it already.
  void addDeparture(TopicKind kind, std::string_view name);
  // Subscriptions of workers at a node; counted from the moment they are asked for until they are known to be
  // gone.
  void addUpstream(TopicKind kind, std::string_view name, const net::Address& node, std::int64_t change);

  // What another process says to have of the topic: no longer `before`, but `now`. At once for those who ask.
  void replaceOthers(TopicKind kind, std::string_view name, const TopicShare& before, const TopicShare& now);

  // What others cannot see by the nodes' counts: of this process, topics whose clients are not as many as
  // their subscriptions at the one node where the topic is at home, and patterns, which may be at home
  // elsewhere than the channels that they match.
  struct Uneven {
    TopicKind kind;
    std::string name;
    TopicShare share;
  };
  // nullopt: they are more than `most`, or their names longer than `mostBytes` together.
  std::optional<std::vector<Uneven>> uneven(std::size_t most, std::size_t mostBytes) const;
  // Grows with every change of uneven().
  std::uint64_t unevenVersion() const;

  // What is known of other proxies; nullptr: nothing yet.
  void setPeers(PeerReportPtr report);
  PeerReportPtr peers() const;

  struct Count {
    std::int64_t listeners = 0;
    std::int64_t upstream = 0;
    std::int64_t departures = 0;  // so far; two counts tell who has left between them
  };
  // Of those whom a message to `channel` reaches by way of `node`: the channel's and all matching patterns'.
  Count reachedBy(std::string_view channel, const net::Address& node) const;
  Count reachedByShard(std::string_view channel, const net::Address& node) const;
  // How many patterns have been compared with a channel so far: what publishing costs beyond the nodes'.
  std::uint64_t comparisons() const;
  // Of the topic itself, over all nodes.
  Count of(TopicKind kind, std::string_view name) const;
  // How many times a sum over nodes counts patterns that no client has, and others more than once.
  std::int64_t excessPatterns() const;
  // Clients listen to it, or no worker is subscribed to it: then others are.
  bool isOfClients(TopicKind kind, std::string_view name) const;

 private:
  struct Entry {
    TopicShare own;
    std::unique_ptr<TopicShare> others;  // nullptr: they have nothing
    std::int64_t departures = 0;
  };
  static void add(Count& count, const Entry& entry, const net::Address& node);
  static std::int64_t listenersOf(const Entry& entry) noexcept;
  static std::size_t nodesOf(const Entry& entry);
  static bool isUneven(TopicKind kind, const TopicShare& own) noexcept;
  void noteOwn(TopicKind kind, std::string_view name, const Entry& entry);
  void dropIfUnused(TopicKind kind, std::string_view name);
  NameMap<Entry>& entries(TopicKind kind) { return entries_[static_cast<std::size_t>(kind)]; }
  const NameMap<Entry>& entries(TopicKind kind) const { return entries_[static_cast<std::size_t>(kind)]; }
  Entry& entry(TopicKind kind, std::string_view name);

  // What has been found out about one channel, good until a pattern comes or goes.
  struct Found {
    std::uint64_t patterns = 0;  // as of this patternChanges_; 0: nothing
    std::string channel;
    std::vector<const Entry*> entries;
  };
  static constexpr std::size_t kRemembered = 256;
  static constexpr std::size_t kRememberedBytes = 256;  // longer names of channels are looked up each time
  const std::vector<const Entry*>& patternsFor(std::string_view channel) const;

  mutable std::mutex mutex_;
  TopicMaps<Entry> entries_;
  TopicMaps<const TopicShare*> uneven_;  // of entries_
  std::size_t unevenBytes_ = 0;          // of their names
  std::uint64_t unevenVersion_ = 1;
  PeerReportPtr peers_;
  PatternIndex patterns_;    // but for that of the proxies themselves, which matches no client's channel
  std::size_t indexed_ = 0;  // in patterns_
  std::uint64_t patternChanges_ = 1;
  // Remembered, because PUBLISH asks before and after, and often for the same channel.
  mutable std::vector<Found> found_;
  mutable std::uint64_t comparisons_ = 0;
};

}  // namespace slotless::pubsub
