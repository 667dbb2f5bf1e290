// What all requests of one worker share. Built by the worker; outlives every request.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "proxy/databases/database.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/suspects.h"
#include "proxy/observe/request_trace.h"
#include "proxy/scripts/script_cache.h"
#include "proxy/scripts/wrapped_scripts.h"
#include "proxy/telemetry/denials.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/link_set.h"

namespace slotless::session {

class Agenda;
class BusyWatch;
class Dispatcher;
class Holding;
class LatencyEvents;
class RequestPool;
class SlowLog;
class Surroundings;
class TopologyWishes;
class Workbench;

struct Context {
  const config::Config& config;  // replaced as a whole between two requests, see Worker
  upstream::LinkHost& host;      // loop, blocks, scratch space, clock
  upstream::LinkPool& links;     // RESP2; its topology is the worker's
  upstream::LinkSet& ownLinks;   // as the proxy itself; `links` are a part of them
  telemetry::WorkerMetrics& metrics;
  const databases::Databases& databases;
  ScriptCache& scripts;         // the process's
  telemetry::Denials& denials;  // to the proxy's own user: the process's
  TopologyWishes& wishes;
  Surroundings& surroundings;
  RequestPool& requests;
  Agenda& agenda;
  Holding& holding;
  Dispatcher& dispatcher;
  BusyWatch& busy;
  SlowLog& slowLog;
  LatencyEvents& latency;
  Workbench& workbench;
  // How often the topology has been looked up, whether it had changed or not.
  std::uint64_t confirmations = 0;
  WrappedScripts wrappedScripts{};
  Suspects suspects{};
  // Clients have to log in before they may command anything else; see Accounts.
  bool loginRequired = false;
  std::string encoded{};  // scratch space for the request at hand
  // To the user of the request at hand.
  telemetry::Denials* denialsAtHand = &denials;
  // Of the request at hand, if it is sampled: until a request is made for it.
  std::unique_ptr<observe::RequestTrace> traceAtHand{};
};

}  // namespace slotless::session
