// Everything that the clients of one worker have subscribed to: one subscription at a node for each topic,
// however many clients listen.
//
// A topic's home is the master that owns the slot its name hashes to, the same one that PUBLISH goes to. What
// a server tells of its own keys comes from that server only: topics that can match it are subscribed to at
// every master, and then ordinary messages, which a cluster carries to all nodes, count from the home only. A
// topic that moves stays with its old home until the new one has confirmed. What may have been missed is
// counted as a gap.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/pubsub/station.h"
#include "proxy/pubsub/topic.h"

namespace slotless::pubsub {

class Topic {
 public:
  Topic(TopicKind kind, std::string_view name);
  TopicKind kind() const noexcept { return kind_; }
  const std::string& name() const noexcept { return name_; }
  bool live() const noexcept { return live_; }
  std::size_t listeners() const noexcept { return listeners_.size(); }

 private:
  friend class Hub;
  const TopicKind kind_;
  const std::string name_;
  const bool everywhere_;
  bool live_ = false;
  bool interrupted_ = false;  // it was live, and has listeners who may miss something now
  std::size_t holds_ = 0;
  std::vector<Station*> stations_;
  const Station* source_ = nullptr;  // whose ordinary messages count
  std::unordered_set<Listener*> listeners_;
  std::unordered_set<Listener*> awaiting_;
};

class Hub final : private StationEvents {
 public:
  // `settings` and `census` outlive the hub. `refreshTopology`: what is known of it seems to be wrong.
  Hub(upstream::LinkHost& host, const upstream::LinkSettings& settings, telemetry::WorkerMetrics& metrics,
      Census& census, std::function<void()> refreshTopology);
  ~Hub();

  void setTopology(cluster::TopologyPtr topology);

  // Keeps the topic subscribed to until drop().
  Topic& hold(TopicKind kind, std::string_view name);
  void drop(Topic& topic);
  // Requires a hold. The listener is told when the topic is live or refused, once.
  void await(Topic& topic, Listener& listener);
  void stopAwaiting(Topic& topic, Listener& listener);
  // Requires a hold. From now on the listener gets the messages.
  void listen(Topic& topic, Listener& listener);
  void stopListening(Topic& topic, Listener& listener);

  // What has been said to nodes leaves; stations without a purpose go. Once per turn.
  void flush();
  Census& census() noexcept { return census_; }

 private:
  void onStanding(Station& station, TopicKind kind, std::string_view name) override;
  void onInterrupted(Station& station, TopicKind kind, std::string_view name) override;
  void onRefusedBy(Station& station, TopicKind kind, std::string_view name, std::string_view line) override;
  void onMessageFrom(Station& station, const Notice& notice, std::string_view message) override;
  void onStationLost(Station& station, std::string_view reason, bool established,
                     std::size_t interrupted) override;

  Topic* find(TopicKind kind, std::string_view name);
  Station& stationAt(const net::Address& node);
  Station* homeOf(const Topic& topic);
  std::vector<Station*> wantedStations(const Topic& topic);
  // Brings a topic's stations up to date with the topology.
  void settle(Topic& topic);
  // Draws the consequences of what its stations can do now.
  void judge(Topic& topic, const std::vector<Station*>& wanted);
  void interrupt(Topic& topic);
  void tellLive();
  void tick();
  void startTick();
  bool isMaster(const net::Address& node) const;

  // Short enough to notice a new master soon, long enough to cost nothing.
  static constexpr net::Millis kTick{100};

  upstream::LinkHost& host_;
  const upstream::LinkSettings& settings_;
  telemetry::WorkerMetrics& metrics_;
  Census& census_;
  std::function<void()> refreshTopology_;
  cluster::TopologyPtr topology_ = std::make_shared<const cluster::Topology>();
  std::vector<std::unique_ptr<Station>> stations_;
  TopicMaps<std::unique_ptr<Topic>> topics_;
  std::unordered_map<Listener*, std::size_t> waiting_;  // and for how many topics
  std::unique_ptr<net::Timer> timer_;
  std::vector<Topic*> becameLive_;  // and somebody awaits them
  std::size_t interrupted_ = 0;     // topics
};

}  // namespace slotless::pubsub
