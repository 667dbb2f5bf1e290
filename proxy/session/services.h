// What all sessions of one worker share. Built by the worker; outlives every session.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "config/config.h"
#include "protocol/command_memo.h"
#include "protocol/command_table.h"
#include "proxy/access/budgets.h"
#include "proxy/access/roster.h"
#include "proxy/cluster/slot_losses.h"
#include "proxy/databases/database.h"
#include "proxy/databases/key_mapper.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/request.h"
#include "proxy/dispatch/surroundings.h"
#include "proxy/dispatch/suspects.h"
#include "proxy/downstream/client_connection.h"
#include "proxy/emulation/plan_context.h"
#include "proxy/net/loop.h"
#include "proxy/observe/acl_log.h"
#include "proxy/observe/process_facts.h"
#include "proxy/observe/server_manners.h"
#include "proxy/observe/stat_baseline.h"
#include "proxy/pubsub/hub.h"
#include "proxy/pubsub/monitors.h"
#include "proxy/routing/router.h"
#include "proxy/scripts/script_cache.h"
#include "proxy/scripts/wrapped_scripts.h"
#include "proxy/session/cut_over_step.h"
#include "proxy/session/lease_shares.h"
#include "proxy/session/relief_turn.h"
#include "proxy/session/setting_pairs.h"
#include "proxy/session/user_places.h"
#include "proxy/session/waiting_lines.h"
#include "proxy/telemetry/denials.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/dial_rate.h"
#include "proxy/upstream/lease_pool.h"
#include "proxy/upstream/link_pool.h"

namespace slotless::session {

class Accounts;
class Client;
class KeyLookups;
class ListenerRulebook;
class LocalAnswers;
class LoginDelays;
class MonitorTap;
class NodeDatabases;
class NodePermits;
class NodeUsers;
class PauseGate;
class Trackers;
class Turns;
class WaitingRoom;

using ClientMap = std::unordered_map<std::uint64_t, std::unique_ptr<Client>>;  // by client id

struct Services;
// What one worker does for another; `worker` is its number. Runs on its thread.
using WorkerTask = std::function<void(Services& services, std::size_t worker)>;

// What a worker asks of the rest of the process.
class Control : public ProcessCounters, public TopologyWishes {
 public:
  virtual pubsub::Census& census() = 0;
  // Posts the task to every worker, the calling one included. Returns how many there are.
  virtual std::size_t tellWorkers(const WorkerTask& task) = 0;
  // What the process has allocated, as far as it counts for memory-limit. Bytes; safe on any worker, and
  // cheap.
  virtual std::size_t memoryInUse() const = 0;
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
  telemetry::Denials& denials() noexcept { return denials_; }
  upstream::DialRate& dialRate() noexcept { return dialRate_; }
  ReliefTurn& relief() noexcept { return relief_; }
  access::Roster& roster() noexcept { return roster_; }
  const access::Roster& roster() const noexcept { return roster_; }
  access::Budgets& budgets() noexcept { return budgets_; }
  UserPlaces& userPlaces() noexcept { return userPlaces_; }
  WaitingLines& waitingLines() noexcept { return waitingLines_; }
  // A step of slotless migrate cut-over; `done` gets the reply, on that loop.
  virtual void cutOver(const CutOverStep& step, net::Loop& loop, CutOverDone done) {
    static_cast<void>(step);
    loop.post([done = std::move(done)] { done("-ERR upstream is not migrating\r\n"); });
  }
  // Does what a disk may take its time for, and then `done` on that loop.
  virtual void aside(std::function<void()> work, net::Loop& loop, std::function<void()> done) {
    work();
    loop.post(std::move(done));
  }

 protected:
  ~Control() = default;

 private:
  static constexpr std::size_t kScriptBytes = 12U * 1024 * 1024;  // with what each costs
  ScriptCache scripts_{kScriptBytes};
  StatBaseline baseline_;
  AclLog aclLog_;
  telemetry::Denials denials_;
  upstream::DialRate dialRate_;
  ReliefTurn relief_;
  access::Roster roster_;
  access::Budgets budgets_;
  UserPlaces userPlaces_;
  WaitingLines waitingLines_;
};

struct Services : PlanContext {
  Control& control;
  routing::Router& router;
  LocalAnswers& localAnswers;
  KeyLookups& keyLookups;
  pubsub::Monitors& monitors;
  MonitorTap& tap;
  ConnectionContext connections;
  PauseGate& gate;
  Trackers& trackers;
  WaitingRoom& waitingRoom;
  const ClientMap& clients;
  Accounts& accounts;
  LoginDelays& loginDelays;
  ListenerRulebook& listenerRules;
  Turns& turns;
  NodeUsers& nodeUsers;
  NodePermits& nodePermits;
  // Puts another configuration into force here; between two requests.
  std::function<void(const config::Config&)> useConfig;
  cluster::SlotLosses slotLosses{};
  protocol::CommandMemo memo{};

  // Scratch space for the request at hand.
  routing::Plan plan{};
  databases::KeyMapper canonical{};  // the client's request, where its own bytes are not for nodes
  LeaseShares leaseShares{};

  NodeDatabases* nodeDatabases = nullptr;  // the worker's, which sets it
};

}  // namespace slotless::session
