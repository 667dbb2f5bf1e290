// What others than this process do at all masters, for the clients of one worker that have sent MONITOR: one
// connection per master, however many clients watch.
//
// Masters that join are added, those that leave are dropped. Lines that a node writes while its connection is
// lost are missed, as by any client of MONITOR.
#pragma once
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/databases/database.h"
#include "proxy/pubsub/feed.h"

namespace slotless::pubsub {

// A client that watches. Must not be destroyed inside of these.
class Watcher {
 public:
  // All masters have confirmed; what they do comes from now on.
  virtual void onMonitoring() = 0;
  // Whole lines.
  virtual void onLines(std::string_view lines) = 0;
  // A master refuses.
  virtual void onMonitorRefused(std::string_view line) = 0;
  // Time passes before onMonitoring().
  virtual void onWaiting() = 0;

 protected:
  ~Watcher() = default;
};

class Monitors {
 public:
  // `settings` and `databases` outlive it. `refreshTopology`: what is known of it seems to be wrong.
  Monitors(upstream::LinkHost& host, const upstream::LinkSettings& settings,
           const databases::Databases& databases, telemetry::WorkerMetrics& metrics,
           std::function<void()> refreshTopology);
  ~Monitors();

  void setTopology(cluster::TopologyPtr topology);
  void add(Watcher& watcher);
  void remove(Watcher& watcher);
  // Whole lines that come from elsewhere.
  void show(std::string_view lines);
  // Once per turn.
  void flush();

 private:
  class Source;

  bool needed() const noexcept { return !watchers_.empty() || !waiting_.empty(); }
  bool allLive() const;
  void openSources();
  void onSourceLive();
  void onRefused(std::string_view line);
  void tick();

  static constexpr net::Millis kTick{100};

  upstream::LinkHost& host_;
  const upstream::LinkSettings& settings_;
  const databases::Databases& databases_;
  telemetry::WorkerMetrics& metrics_;
  std::function<void()> refreshTopology_;
  cluster::TopologyPtr topology_ = std::make_shared<const cluster::Topology>();
  std::vector<std::unique_ptr<Source>> sources_;
  std::unordered_set<Watcher*> watchers_;
  std::unordered_set<Watcher*> waiting_;
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace slotless::pubsub
