// Everything that the clients of one worker have subscribed to, however many of them listen to the same.
//
// A topic has an intake of its own name. Where databases have keys of their own names in the cluster, topics
// that can match keyspace notifications have more: notifications come from those only, are translated, and go
// to the topics that match what they are called in their database.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/pubsub/intakes.h"
#include "proxy/pubsub/keyspace_names.h"
#include "proxy/pubsub/topic.h"

namespace slotless::pubsub {

class Topic {
 public:
  Topic(TopicKind kind, std::string_view name) : kind_(kind), name_(name) {}
  TopicKind kind() const noexcept { return kind_; }
  const std::string& name() const noexcept { return name_; }
  bool live() const noexcept;
  std::size_t listeners() const noexcept { return listeners_.size(); }

 private:
  friend class Hub;
  const TopicKind kind_;
  const std::string name_;
  std::size_t holds_ = 0;
  std::vector<Intake*> intakes_;  // that of its own name is the first
  std::unordered_set<Listener*> listeners_;
  std::unordered_set<Listener*> awaiting_;
};

class Hub final : private IntakeEvents {
 public:
  // `settings`, `databases` and `census` outlive the hub. `refreshTopology`: what is known of it seems to be
  // wrong.
  Hub(upstream::LinkHost& host, const upstream::LinkSettings& settings, const databases::Databases& databases,
      telemetry::WorkerMetrics& metrics, Census& census, std::function<void()> refreshTopology);
  ~Hub();

  void setTopology(cluster::TopologyPtr topology) { intakes_.setTopology(std::move(topology)); }

  // Databases lie otherwise than before.
  void connectAnew();

  // Keeps the topic subscribed to until drop().
  Topic& hold(TopicKind kind, std::string_view name);
  void drop(Topic& topic);
  // Requires a hold. The listener is told when the topic is live or refused, once.
  void await(Topic& topic, Listener& listener);
  void stopAwaiting(Topic& topic, Listener& listener);
  // Requires a hold. From now on the listener gets the messages.
  void listen(Topic& topic, Listener& listener);
  void stopListening(Topic& topic, Listener& listener);

  // The listener wants to end these, but not before what has been published so far: onFenced(), once. A node
  // that says nothing is not waited for for long. What is published from now on does not count it. False:
  // there is nothing to wait for.
  bool fence(const std::vector<const Topic*>& topics, Listener& listener);
  void forgetFences(const Listener& listener);

  // What has been said to nodes leaves. Once per turn.
  void flush() { intakes_.flush(); }
  // Topics are many, and not all have been brought up to date: goOn(), in each turn, does some more.
  bool busy() const noexcept { return intakes_.busy(); }
  void goOn() { intakes_.goOn(); }
  Census& census() noexcept { return census_; }
  // Nobody has subscribed to anything.
  bool idle() const noexcept {
    return std::all_of(topics_.begin(), topics_.end(), [](const auto& map) { return map.empty(); });
  }

 private:
  void onLive(Intake& intake) override;
  void onSettled() override;
  void onRefused(Intake& intake, std::string_view line) override;
  void onPostponed() override { startTick(); }
  void onFenced(std::uint64_t fence) override;
  void onMessage(Intake& intake, const Notice& notice, std::string_view message) override;
  bool isHeard(const Intake& intake) const override;
  bool isHidden(std::string_view channel) const override { return names_.hides(channel); }

  void connect(Topic& topic);
  void disconnect(Topic& topic);
  static std::vector<Topic*> topicsOf(const Intake& intake);
  void notify(const Intake& intake, const Notice& notice, std::string_view message);
  void deliver(const Topic& topic, std::string_view message);
  void tick();
  void startTick();
  void endFences();
  // True: the listener had been leaving the topic.
  bool hasDeparted(const Topic& topic, Listener& listener);

  struct Fence {
    Listener* listener;
    std::size_t nodes;  // that have not answered
    net::TimePoint until;
  };

  // Short enough to notice a new master soon, long enough to cost nothing.
  static constexpr net::Millis kTick{100};
  // One Redis that is frozen would not answer at all.
  static constexpr net::Millis kFencePatience{1000};

  upstream::LinkHost& host_;
  telemetry::WorkerMetrics& metrics_;
  Census& census_;
  std::function<void()> refreshTopology_;
  const KeyspaceNames names_;
  Intakes intakes_;
  TopicMaps<std::unique_ptr<Topic>> topics_;
  std::unordered_map<Listener*, std::size_t> waiting_;  // and for how many topics
  std::unique_ptr<net::Timer> timer_;
  std::map<std::uint64_t, Fence> fences_;
  std::uint64_t lastFence_ = 0;
  // What they still listen to without being counted.
  std::unordered_map<Listener*, std::unordered_set<const Topic*>> departing_;
  std::vector<Topic*> becameLive_;  // and somebody awaits them
};

}  // namespace slotless::pubsub
