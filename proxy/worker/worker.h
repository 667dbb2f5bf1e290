// One worker: the clients and links of one event loop. Shares nothing with other workers.
//
// All calls belong to the loop's thread; others reach a worker by loop().post(). Destroy it on that thread as
// well, or after the loop has stopped.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "protocol/command_table.h"
#include "proxy/cluster/server_identity.h"
#include "proxy/cluster/topology.h"
#include "proxy/commands/local_commands.h"
#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/busy_watch.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/work.h"
#include "proxy/downstream/stall_watch.h"
#include "proxy/net/block_pool.h"
#include "proxy/net/loop.h"
#include "proxy/net/tls_source.h"
#include "proxy/observe/latency_events.h"
#include "proxy/observe/slow_log.h"
#include "proxy/pubsub/hub.h"
#include "proxy/pubsub/monitors.h"
#include "proxy/routing/router.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/listener_rules.h"
#include "proxy/session/login_delays.h"
#include "proxy/session/memory_relief.h"
#include "proxy/session/monitor_tap.h"
#include "proxy/session/node_databases.h"
#include "proxy/session/node_permits.h"
#include "proxy/session/node_users.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/redirection.h"
#include "proxy/session/services.h"
#include "proxy/session/turns.h"
#include "proxy/session/waiting_room.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/tracking/trackers.h"
#include "proxy/upstream/access.h"
#include "proxy/upstream/link_set.h"
#include "proxy/worker/arrivals.h"

namespace slotless::worker {

// The worker's own view of the process.
class WorkerControl : public session::Control {
 public:
  // A client has been destroyed.
  virtual void clientGone() = 0;
  // A connection to the node has been made.
  virtual void nodeConnected(const net::Address& node) = 0;
  // nullptr: it is not used.
  virtual net::TlsSourcePtr tlsForNodes() const { return nullptr; }
  virtual net::TlsSourcePtr tlsForClients() const { return nullptr; }

 protected:
  ~WorkerControl() = default;
};

class Worker final : private upstream::LinkHost, private session::Surroundings {
 public:
  // `control` outlives the worker, `config` is copied. `randomSeed` is for jitter.
  Worker(net::Loop& eventLoop, const config::Config& config, WorkerControl& control,
         telemetry::WorkerMetrics& metrics, std::uint32_t randomSeed);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // A connection has been accepted by that listener of the configuration; takes the socket over.
  void adopt(int descriptor, std::uint64_t clientId, std::size_t listener = 0);
  void setTopology(cluster::TopologyPtr topology);
  // The topology has been looked up, whether it has changed or not.
  void confirmTopology();
  // The commands that the servers know, and which servers these are: for all requests from now on.
  void setCommands(std::shared_ptr<const protocol::CommandTable> commands,
                   cluster::ServerIdentity servers = {});
  // All requests, connections and replies from now on follow this; what is under way keeps its deadlines.
  void setConfig(const config::Config& config);
  // The cut-over from one server to a cluster: all of it from now on, see upstream migrating. Requires that
  // the gate is shut and nothing is under way; opens it.
  struct Place {
    std::shared_ptr<const config::Config> config;
    upstream::Access access;
    cluster::TopologyPtr topology;
    std::shared_ptr<const protocol::CommandTable> commands;
    cluster::ServerIdentity servers;
  };
  void relocate(const Place& place);
  // As whom the proxy comes to the nodes from now on; links that stand say so in their turn.
  void setAccess(const upstream::Access& access);
  // Serves each client until nothing of it is under way, and closes it then; calls back when none is left.
  void drain(std::function<void()> drained);
  // The same with less patience: stops reading, and closes each client behind what it has been promised.
  void hurry();

  // Runs a task of another worker.
  void perform(const session::WorkerTask& task, std::size_t index);

  std::size_t clientCount() const noexcept { return clients_.size(); }
  const net::BlockPool& blocks() const noexcept { return blocks_; }
  std::size_t requestsInUse() const noexcept { return requests_.inUse(); }
  // Requests and replies that this worker holds.
  std::size_t heldBytes() const noexcept { return blocks_.bytesInUse() + requests_.mergingBytes(); }
  std::size_t requestBytes() const noexcept { return requests_.bytes(); }

 private:
  // Input that is put in front of a read, and the read itself.
  static constexpr std::size_t kScratchBytes = (64U + 16U) * 1024;
  // Rounds of parsing and flushing before other events get their turn.
  static constexpr int kRoundsPerTurn = 8;
  // So many clients that ask for a lot have a part of it done in one turn.
  static constexpr std::size_t kGreedyPerTurn = 2;
  // So many connections are taken in in one turn: each takes some ten system calls.
  static constexpr std::size_t kArrivalsPerTurn = 8;

  void onLinkReady(upstream::Link& link) override;
  void onLinkLost(upstream::Link& link, std::string_view reason, bool established) override;
  void onLinkDirty(upstream::Link& link) override;
  void onLinkSilence(upstream::Link& link, bool begins) override;
  net::Millis turnToDial(const net::Address& node, upstream::LinkRole role) override;
  void onLoginRefused(upstream::Link& link, std::string_view why) override;
  std::uint32_t random(std::uint32_t bound) override;
  void onError(const session::Request& request, std::string_view line) override;
  void closeSlowest() override;
  bool callsBack() const noexcept override { return gate_.isShut(); }

  void receive(const Accepted& accepted);
  void receiveSome(std::size_t most);
  void receiveAll();
  void onArrived(const Accepted& accepted, std::unique_ptr<net::RelayedStream> stream);
  void onNotArrived(const net::Address& peer, std::string_view reason);
  net::Millis handshakePatience() const;
  void takeIn(std::unique_ptr<session::Client> client, std::unique_ptr<net::Stream> stream);
  void endTurn();
  void noteTurn();
  void flushLinks();
  void workOff();
  void reap();
  void tellIfDrained();
  void dropOldCommands();
  void onTick();
  void tidy();
  void lookForSilence();
  void publishMemory();
  void trimScratch();
  net::Millis tickLength() const;
  upstream::LinkSettings linkSettings() const;
  void useLinkSettings();

  net::BlockPool blocks_;
  std::string scratch_;
  config::Config config_;  // the worker's own, which all its parts refer to; see setConfig()
  upstream::Access access_;
  WorkerControl& control_;
  telemetry::WorkerMetrics& metrics_;
  std::minstd_rand random_;
  upstream::LeaseBudgets leaseBudgets_;
  upstream::LinkSettings ownSettings_;
  upstream::LinkSet connections_;
  // Requests under way may have leases of these.
  session::NodeUsers nodeUsers_;
  session::NodeDatabases nodeDatabases_;
  std::vector<upstream::Link*> dirtyLinks_;
  databases::Databases databases_;
  routing::Router router_;
  session::Agenda agenda_;
  // Tables that have been replaced and that requests under way may still refer to.
  std::vector<std::shared_ptr<const protocol::CommandTable>> oldCommands_;
  // The services and their parts refer to one another.
  session::Services services_;
  pubsub::Hub hub_;
  pubsub::Monitors monitors_;
  session::MonitorTap tap_;
  session::Dispatcher dispatcher_;
  session::MemoryRelief relief_;
  session::Holding holding_;
  session::LocalCommands localCommands_;
  session::KeyLookups keyLookups_;
  session::StallWatch stalls_;
  session::PauseGate gate_;
  session::BusyWatch busy_;
  session::SlowLog slowLog_;
  session::LatencyEvents latency_;
  session::Redirections redirections_;
  session::Trackers trackers_;
  session::WaitingRoom waitingRoom_;
  session::RequestPool requests_;  // those under way may stand in a line there
  session::Accounts accounts_;
  session::LoginDelays loginDelays_;
  session::ListenerRulebook listenerRules_;
  session::Turns turns_;
  session::NodePermits nodePermits_;
  session::Workbench workbench_;  // refers to all of the above
  session::ClientMap clients_;
  Arrivals arrivals_;
  std::deque<Accepted> accepted_;  // not taken in yet
  std::size_t received_ = 0;       // in this turn
  std::vector<session::Downstream*> batch_;
  std::vector<session::Downstream*> dying_;  // have left more than is given up in one turn
  std::unique_ptr<net::Timer> tick_;
  std::unique_ptr<net::Timer> silenceTick_;
  net::TimePoint lastLook_{};
  net::TimePoint lastSilenceTick_{};
  net::TimePoint lastTidy_{};
  bool draining_ = false;
  std::function<void()> drained_;  // until it has been called
};

}  // namespace slotless::worker
