// Everything that one worker is subscribed to at the nodes, each channel and pattern once.
//
// An intake's home is the master that owns the slot its name hashes to, the same one that PUBLISH goes to.
// What a server tells of its own keys comes from that server only: intakes for that are subscribed to at
// every master, and then ordinary messages, which a cluster carries to all nodes, count from the home only.
// An intake that moves stays with its old home until the new one has confirmed. What may have been missed is
// counted as a gap.
#pragma once
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/pubsub/intake.h"
#include "proxy/pubsub/station.h"

namespace slotless::pubsub {

class IntakeEvents {
 public:
  // It is live; nothing may be dropped before onSettled().
  virtual void onLive(Intake& intake) = 0;
  virtual void onSettled() = 0;
  // By the node's error line. It stays wanted.
  virtual void onRefused(Intake& intake, std::string_view line) = 0;
  // A node could not do it now: to be asked again soon, see askPostponed().
  virtual void onPostponed() = 0;
  // One of the nodes that were to be fenced has been.
  virtual void onFenced(std::uint64_t fence) = 0;
  virtual void onMessage(Intake& intake, const Notice& notice, std::string_view message) = 0;
  // Somebody misses something when it is interrupted.
  virtual bool isHeard(const Intake& intake) const = 0;
  // It tells of keys that clients cannot have.
  virtual bool isHidden(std::string_view channel) const = 0;

 protected:
  ~IntakeEvents() = default;
};

class Intakes final : private StationEvents {
 public:
  // `settings` and `census` outlive them. `refreshTopology`: what is known of it seems to be wrong.
  Intakes(upstream::LinkHost& host, const upstream::LinkSettings& settings, telemetry::WorkerMetrics& metrics,
          Census& census, std::function<void()> refreshTopology, IntakeEvents& events);
  ~Intakes();

  void setTopology(cluster::TopologyPtr topology);
  // Keeps it subscribed to until drop(). `everywhere`: at every master; always the same for a name.
  Intake& hold(TopicKind kind, std::string_view name, bool everywhere);
  void drop(Intake& intake);
  // Has each node that these come from say something behind what it has said of them: onFenced(), so many
  // times as is returned.
  std::size_t fence(const std::vector<const Intake*>& intakes, std::uint64_t fence);
  // True: there was something to be asked.
  bool askPostponed();
  // The topology, or a node, has changed for more intakes than are dealt with in one turn.
  bool busy() const;
  void goOn();
  // What has been said to nodes leaves; stations without a purpose go. Once per turn.
  void flush();

 private:
  void onStanding(Station& station, TopicKind kind, std::string_view name) override;
  void onInterrupted(Station& station, TopicKind kind, std::string_view name) override;
  void onRefusedBy(Station& station, TopicKind kind, std::string_view name, std::string_view line) override;
  void onFenced(std::uint64_t fence) override { events_.onFenced(fence); }
  void onMessageFrom(Station& station, const Notice& notice, std::string_view message) override;
  void onStationLost(Station& station, std::string_view reason, bool established,
                     std::size_t interrupted) override;

  Intake* find(TopicKind kind, std::string_view name);
  bool isMaster(const net::Address& node) const;
  Station& stationAt(const net::Address& node);
  Station* homeOf(const Intake& intake);
  std::vector<Station*> wantedStations(const Intake& intake);
  // Brings its stations up to date with the topology.
  void settle(Intake& intake);
  // Draws the consequences of what its stations can do now.
  void judge(Intake& intake, const std::vector<Station*>& wanted);
  void interrupt(Intake& intake);

  upstream::LinkHost& host_;
  const upstream::LinkSettings& settings_;
  telemetry::WorkerMetrics& metrics_;
  Census& census_;
  std::function<void()> refreshTopology_;
  IntakeEvents& events_;
  cluster::TopologyPtr topology_ = std::make_shared<const cluster::Topology>();
  std::vector<std::unique_ptr<Station>> stations_;
  TopicMaps<std::unique_ptr<Intake>> intakes_;
  TopicWalk<std::unique_ptr<Intake>> settling_;
  std::size_t interrupted_ = 0;
};

}  // namespace slotless::pubsub
