// Everything that the clients of one worker have subscribed to, however many of them listen to the same.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/pubsub/intakes.h"
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
  Intake* intake_ = nullptr;
  std::unordered_set<Listener*> listeners_;
  std::unordered_set<Listener*> awaiting_;
};

class Hub final : private IntakeEvents {
 public:
  // `settings` and `census` outlive the hub. `refreshTopology`: what is known of it seems to be wrong.
  Hub(upstream::LinkHost& host, const upstream::LinkSettings& settings, telemetry::WorkerMetrics& metrics,
      Census& census, std::function<void()> refreshTopology);
  ~Hub();

  void setTopology(cluster::TopologyPtr topology) { intakes_.setTopology(std::move(topology)); }

  // Keeps the topic subscribed to until drop().
  Topic& hold(TopicKind kind, std::string_view name);
  void drop(Topic& topic);
  // Requires a hold. The listener is told when the topic is live or refused, once.
  void await(Topic& topic, Listener& listener);
  void stopAwaiting(Topic& topic, Listener& listener);
  // Requires a hold. From now on the listener gets the messages.
  void listen(Topic& topic, Listener& listener);
  void stopListening(Topic& topic, Listener& listener);

  // What has been said to nodes leaves. Once per turn.
  void flush() { intakes_.flush(); }
  Census& census() noexcept { return census_; }

 private:
  void onLive(Intake& intake) override;
  void onSettled() override;
  void onRefused(Intake& intake, std::string_view line) override;
  void onPostponed() override { startTick(); }
  void onMessage(Intake& intake, const Notice& notice, std::string_view message) override;
  bool isHeard(const Intake& intake) const override;

  void deliver(const Topic& topic, std::string_view message);
  void tick();
  void startTick();

  // Short enough to notice a new master soon, long enough to cost nothing.
  static constexpr net::Millis kTick{100};

  upstream::LinkHost& host_;
  telemetry::WorkerMetrics& metrics_;
  Census& census_;
  std::function<void()> refreshTopology_;
  Intakes intakes_;
  TopicMaps<std::unique_ptr<Topic>> topics_;
  std::unordered_map<Listener*, std::size_t> waiting_;  // and for how many topics
  std::unique_ptr<net::Timer> timer_;
  std::vector<Topic*> becameLive_;  // and somebody awaits them
};

}  // namespace slotless::pubsub
