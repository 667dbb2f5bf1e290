// What all sessions of one worker share. Built by the worker; outlives every session.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "config/config.h"
#include "protocol/command_memo.h"
#include "protocol/command_table.h"
#include "proxy/cluster/slot_losses.h"
#include "proxy/databases/database.h"
#include "proxy/databases/key_mapper.h"
#include "proxy/net/loop.h"
#include "proxy/pubsub/hub.h"
#include "proxy/pubsub/monitors.h"
#include "proxy/routing/router.h"
#include "proxy/session/acl_log.h"
#include "proxy/session/agenda.h"
#include "proxy/session/lease_shares.h"
#include "proxy/session/process_facts.h"
#include "proxy/session/relief_turn.h"
#include "proxy/session/request.h"
#include "proxy/session/script_cache.h"
#include "proxy/session/server_manners.h"
#include "proxy/session/setting_changes.h"
#include "proxy/session/stall_watch.h"
#include "proxy/session/stat_baseline.h"
#include "proxy/session/suspects.h"
#include "proxy/session/wrapped_scripts.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/lease_pool.h"
#include "proxy/upstream/link_pool.h"

namespace slotless::session {

class BusyWatch;
class Client;
class Dispatcher;
class Holding;
class KeyLookups;
class LatencyEvents;
class LocalCommands;
class MemoryRelief;
class MonitorTap;
class PauseGate;
class SlowLog;
class StallWatch;
class Trackers;
class Workbench;

using ClientMap = std::unordered_map<std::uint64_t, std::unique_ptr<Client>>;  // by client id

struct Services;
// What one worker does for another; `worker` is its number. Runs on its thread.
using WorkerTask = std::function<void(Services& services, std::size_t worker)>;

// What a worker asks of the rest of the process.
class Control {
 public:
  virtual pubsub::Census& census() = 0;
  // The topology may have changed. Urgent: requests are waiting for it.
  virtual void refreshTopology(bool urgent) = 0;
  // Since the start.
  virtual ProcessFacts facts() const = 0;
  // Posts the task to every worker, the calling one included. Returns how many there are.
  virtual std::size_t tellWorkers(const WorkerTask& task) = 0;
  // What the process has allocated, as far as it counts for memory-limit. Bytes; safe on any worker, and
  // cheap.
  virtual std::size_t memoryInUse() const = 0;
  // The counters of all workers. Safe to call on any worker.
  virtual void visitMetrics(const std::function<void(const telemetry::WorkerMetrics&)>& visit) const = 0;
  // All servers of that topology have taken these settings, or only some of them: servers that join or come
  // back later are to have them, too.
  enum class Taken : std::uint8_t { ByAll, BySome };
  virtual void rememberSettings(const SettingPairs& settings, std::uint64_t topologyVersion, Taken taken) = 0;
  // These options have these values from now on, in the workers already: the rest of the process is to have
  // them, too. They have been checked.
  virtual void keepOptions(const SettingPairs& options) = 0;
  // Shared by all workers.
  ScriptCache& scripts() noexcept { return scripts_; }
  const ScriptCache& scripts() const noexcept { return scripts_; }
  StatBaseline& baseline() noexcept { return baseline_; }
  AclLog& aclLog() noexcept { return aclLog_; }
  ReliefTurn& relief() noexcept { return relief_; }

 protected:
  ~Control() = default;

 private:
  static constexpr std::size_t kScriptBytes = 12U * 1024 * 1024;  // with what each costs
  ScriptCache scripts_{kScriptBytes};
  StatBaseline baseline_;
  AclLog aclLog_;
  ReliefTurn relief_;
};

struct Services {
  const config::Config& config;  // replaced as a whole between two requests, see Worker
  upstream::LinkHost& host;      // loop, blocks, scratch space, clock
  upstream::LinkPool& links;     // RESP2; its topology is the worker's
  upstream::LinkPool& resp3Links;
  upstream::LinkPool& replicaLinks;
  upstream::LinkPool& resp3ReplicaLinks;
  upstream::LeasePool& leases;
  telemetry::WorkerMetrics& metrics;
  Control& control;
  // Replaced when the servers know other commands; requests under way keep referring to the old table, see
  // Worker.
  std::shared_ptr<const protocol::CommandTable> commands;
  const databases::Databases& databases;
  routing::Router& router;
  RequestPool& requests;
  Agenda& agenda;
  Holding& holding;
  Dispatcher& dispatcher;
  LocalCommands& localCommands;
  KeyLookups& keyLookups;
  pubsub::Hub& hub;
  pubsub::Monitors& monitors;
  MonitorTap& tap;
  StallWatch& stalls;
  PauseGate& gate;
  BusyWatch& busy;
  SlowLog& slowLog;
  LatencyEvents& latency;
  Trackers& trackers;
  Workbench& workbench;
  MemoryRelief& relief;
  const ClientMap& clients;
  // Puts another configuration into force here; between two requests.
  std::function<void(const config::Config&)> useConfig;
  // Of the servers whose commands these are.
  ServerManners manners{};
  cluster::SlotLosses slotLosses{};
  // How often the topology has been looked up, whether it had changed or not.
  std::uint64_t confirmations = 0;
  upstream::LinkPool& linksFor(int protocol) noexcept { return protocol >= 3 ? resp3Links : links; }

  upstream::LinkPool& replicaLinksFor(int protocol) noexcept {
    return protocol >= 3 ? resp3ReplicaLinks : replicaLinks;
  }

  protocol::CommandMemo memo{};

  // Whose request is being planned.
  const Client* asking = nullptr;
  // Scratch space for the request at hand.
  routing::Plan plan{};
  std::string encoded{};
  databases::KeyMapper canonical{};  // the client's request, where its own bytes are not for nodes …
  databases::KeyMapper mapper{};     // … and what they get in place of it
  WrappedScripts wrappedScripts{};
  Suspects suspects{};
  LeaseShares leaseShares{};
};

}  // namespace slotless::session
