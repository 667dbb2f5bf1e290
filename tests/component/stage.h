// A whole worker, or several, with three nodes and as many clients as a test wants, over a fake transport and
// a fake clock.
//
// The keys a, d and e belong to node 1, b and f to node 2, c and g to node 3; keys with the tag {a} go with
// a, and so on. A test sets `config` and `workers` before anything else. At its end all clients leave and all
// connections break: then every request must be back in its pool, every gauge at zero, every buffer returned,
// every request and reply expected.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "catch.h"
#include "config/config.h"
#include "fake_client.h"
#include "fake_loop.h"
#include "fake_node.h"
#include "proxy/cluster/topology.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/worker/worker.h"
#include "replies.h"

namespace slotless::test {

using namespace std::chrono_literals;

inline constexpr std::size_t kNodes = 3;

inline constexpr std::string_view kNoMaster = "-CLUSTERDOWN The slot has no reachable master\r\n";
inline constexpr std::string_view kAmbiguous =
    "-AMBIGUOUS The connection to the node broke after this command was sent: it may or may not have been "
    "carried "
    "out\r\n";
inline constexpr std::string_view kTryAgain = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";

inline constexpr std::string_view kOneSlot =
    "-CROSSSLOT Keys in request don't hash to the same slot: use a pinned database for transactions over "
    "several slots\r\n";

// What EXEC says where a command before it was refused by that line.
inline std::string aborted(std::string_view line) {
  return "-EXECABORT Transaction discarded because of previous errors. The first: " +
         std::string(line.substr(1));
}

class FakeControl final : public worker::WorkerControl {
 public:
  void refreshTopology(bool urgent) override { ++(urgent ? urgentRefreshes : refreshes); }
  session::ProcessFacts facts() const override { return {}; }
  std::size_t memoryInUse() const override;
  std::size_t tellWorkers(const session::WorkerTask& task) override;
  void visitMetrics(const std::function<void(const telemetry::WorkerMetrics&)>& visit) const override {
    for (const auto& each : *metrics) visit(*each);
  }
  pubsub::Census& census() override { return workersCensus; }
  void clientGone() override { ++clientsGone; }
  void nodeConnected(const net::Address&) override {}
  void rememberSettings(const session::SettingPairs& settings, std::uint64_t, Taken taken) override {
    remembered.insert(remembered.end(), settings.begin(), settings.end());
    takenByAll = taken == Taken::ByAll;
  }
  void keepOptions(const session::SettingPairs& options) override {
    kept.insert(kept.end(), options.begin(), options.end());
  }

  // What counts for memory-limit: all that is allocated beyond this; none: what the worker has in buffers.
  std::optional<std::size_t> heapAtStart;
  std::size_t refreshes = 0;
  std::size_t urgentRefreshes = 0;
  std::size_t clientsGone = 0;
  session::SettingPairs remembered;
  bool takenByAll = false;
  session::SettingPairs kept;  // options that CONFIG SET has changed
  // The workers and what they count: set by the stage.
  FakeLoop* loop = nullptr;
  const std::vector<std::unique_ptr<worker::Worker>>* workers = nullptr;
  const std::vector<std::unique_ptr<telemetry::WorkerMetrics>>* metrics = nullptr;
  pubsub::Census workersCensus;
};

class Stage {
 public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  config::Config config;
  // They share the loop, and so take turns.
  std::size_t workers = 1;
  FakeLoop loop;
  FakeControl control;
  // Where clients come from that connect from now on.
  std::string clientHost = "127.0.0.1";
  // … and on which of config.listen.
  std::size_t listener = 0;
  FakeClient client{*this};
  FakeClient other{*this};

  // Counted from 1. Node 4 exists, but not in the topology at first.
  FakeNode& node(std::size_t number) { return *nodes_.at(number - 1); }
  FakeClient& addClient(std::size_t worker = 0);

  struct Clock {
    Stage& stage;
    void advance(net::Millis duration);
  } clock{*this};

  worker::Worker& worker(std::size_t index = 0);
  telemetry::WorkerMetrics& metrics(std::size_t worker = 0) { return *metrics_.at(worker); }
  std::uint64_t redirects(telemetry::Redirect kind) const {
    return metrics_.front()->redirects[static_cast<std::size_t>(kind)].value();
  }
  std::uint64_t limitHits(telemetry::Limit kind) const {
    return metrics_.front()->limits[static_cast<std::size_t>(kind)].value();
  }
  // Until the worker and all nodes wait.
  void settle();

  // --- the topology ---
  // The node to which the slot of `key` belongs at first.
  static std::size_t firstOwner(std::string_view key);
  // The slot of `key` belongs to that node from now on; 0: to nobody.
  void giveSlot(std::string_view key, std::size_t number);
  // All slots of one node go to another; the first one is not in the topology any more.
  void replaceNode(std::size_t gone, std::size_t successor);
  // All slots of one node go to another; the first one stays a master, without slots.
  void giveAllSlots(std::size_t from, std::size_t to);
  // `host`: a name instead of the numeric address.
  void addNode(std::size_t number, const std::string& host = {});
  // Node `number` becomes a replica of `master`.
  void addReplica(std::size_t number, std::size_t master);
  // A replica takes the place of its master, which is still listed as one, without slots.
  void promote(std::size_t replica, std::size_t master);
  // As addReplica(), and CLUSTER SLOTS leaves it out.
  void addJoiningReplica(std::size_t number, std::size_t master);
  void confirmTopology();
  // "MOVED <slot of key> <address of node>", or ASK.
  std::string moved(std::string_view key, std::size_t number);
  std::string ask(std::string_view key, std::size_t number);

  // For FakeClient.
  std::shared_ptr<FakeConnection> connectClient(std::size_t worker);

 private:
  cluster::Topology initialTopology() const;
  void publish(cluster::Topology topology);
  void addFollower(std::size_t number, std::size_t master,
                   std::vector<cluster::NodeIndex> cluster::Node::*list);
  cluster::NodeIndex indexOf(const cluster::Topology& topology, std::size_t number);
  void start();
  void checkNothingIsLeft();
  static void checkNothingIsLeftAt(worker::Worker& worker, const telemetry::WorkerMetrics& metrics);

  std::vector<std::unique_ptr<FakeNode>> nodes_;
  std::vector<std::unique_ptr<FakeClient>> moreClients_;
  cluster::TopologyPtr topology_;
  std::vector<std::unique_ptr<telemetry::WorkerMetrics>> metrics_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;
  std::uint64_t nextClientId_ = 1;
};

}  // namespace slotless::test
