// What one worker counts: written by its thread only, read by another one when somebody scrapes.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/telemetry/counter.h"

namespace slotless::telemetry {

// Upper bounds of the latency buckets in microseconds; one more bucket counts what is slower.
inline constexpr std::array<std::uint32_t, 17> kLatencyBoundsMicros = {
    50,    100,    200,    500,    1000,    2000,    5000,    10000,   20000,
    50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000};

struct LatencyHistogram {
  Counter microsSum;
  std::array<Counter, kLatencyBoundsMicros.size() + 1> buckets;

  void record(std::chrono::microseconds latency) noexcept;
};

struct CommandMetrics {
  Counter requests;
  Counter errors;  // error replies given to clients, from a node or from the proxy
  LatencyHistogram latency;

  // From the request's arrival as a whole to the end of its reply, the queues of the proxy included.
  void record(std::chrono::microseconds latencyOfRequest, bool failed) noexcept;
};

enum class Redirect : std::uint8_t {
  Moved,
  Ask,
  TryAgain,
  ClusterDown,
  Loading,
  ReadOnly,
  MasterDown,
  NoScript,
  Count
};
std::string_view redirectName(Redirect kind) noexcept;

// The reasons why a limit acted; each a label value of slotless_limit_hits_total.
enum class Limit : std::uint8_t {
  MaxClients,
  QueryBuffer,
  OutputHard,
  HoldRequests,
  HoldBytes,
  InFlight,
  Leases,
  PubSubOutput,
  Memory,
  BeforeLogin,    // a client that has not logged in and does not read
  LoginTimeout,   // … or does not log in
  WatchedKeys,    // refused, not closed
  Subscriptions,  // the same
  // Connections that were refused.
  Address,  // by allow or deny
  ClientsPerAddress,
  AcceptRate,
  ClientsPerUser,  // a login
  // Requests that had to wait, or were refused.
  RequestRate,
  ByteRate,
  InFlightPerUser,
  InFlightPerAddress,
  Idle,
  Count
};
std::string_view limitName(Limit limit) noexcept;

// Why a command was refused by the rules about its user; each a label value of
// slotless_forbidden_commands_total.
enum class Forbidden : std::uint8_t { Command, Key, Channel, Database, Listener, Count };
std::string_view forbiddenName(Forbidden kind) noexcept;

// Silent: established, but its node has not answered for a while (suspect-after). Draining: its node does not
// know any more who this is, and once all has been answered the connection is made again.
enum class LinkState : std::uint8_t {
  Idle,
  Connecting,
  Handshaking,
  Ready,
  Silent,
  Draining,
  BackingOff,
  Count
};
std::string_view linkStateName(LinkState state) noexcept;

// What a worker's memory is for; each a label value of slotless_memory_bytes. Together they are what a worker
// has allocated, but for what serves all clients (links, the topology, commands) and single long values that
// are being worked on.
enum class MemoryKind : std::uint8_t {
  ClientInput,   // requests that are not whole, or wait to be taken
  ClientOutput,  // replies that have not left
  LinkOutput,    // requests that are sent or to be sent, until they are answered
  Other,         // the rest of the blocks in use: held requests, and room that is left in blocks
  Idle,          // blocks that wait to be used again
  Requests,      // the records of requests, in use or not, and parts of replies that wait to be merged
  Sessions,      // of clients, beside all this: names, transactions, subscriptions …
  Count
};
std::string_view memoryKindName(MemoryKind kind) noexcept;

struct NodeMetrics {
  std::string node;   // host:port
  Gauge state;        // LinkState
  Gauge silentSince;  // milliseconds of the steady clock; 0: it is not silent
  Gauge missing;      // 1: a shared link that there should be, and that is not established
  Gauge inFlight;
  Counter requests;
  Counter errors;            // error replies, redirects among them
  LatencyHistogram latency;  // from being put on the link to the end of the reply
  Counter bytesSent;
  Counter bytesReceived;
  Counter connects;  // connections established
  Counter losses;    // connections lost or refused
  Counter logins;    // AUTH on a connection that was in use, accepted
  Counter loginsRefused;
};

class WorkerMetrics {
 public:
  // `commandCount`: how many ids commands can have (CommandIds::kCapacity); one more entry counts unknown
  // commands.
  // `databaseCount`: 0 where requests need not be told apart by database.
  explicit WorkerMetrics(std::size_t commandCount, std::size_t databaseCount = 0);
  WorkerMetrics(const WorkerMetrics&) = delete;
  WorkerMetrics& operator=(const WorkerMetrics&) = delete;

  CommandMetrics& command(std::size_t id) noexcept {
    return commands_[id < commands_.size() ? id : commands_.size() - 1];
  }
  const std::vector<CommandMetrics>& commands() const noexcept { return commands_; }
  CommandMetrics& unknownCommand() noexcept { return commands_.back(); }

  // nullptr: not counted.
  Counter* databaseRequests(std::size_t index) noexcept {
    return index < databaseRequests_.size() ? &databaseRequests_[index] : nullptr;
  }
  const Counter* databaseRequests(std::size_t index) const noexcept {
    return index < databaseRequests_.size() ? &databaseRequests_[index] : nullptr;
  }

  Gauge clients;
  Counter clientsAccepted;
  Counter clientsRejected;  // counted by the thread that accepts, in the first worker's metrics
  Counter bytesReceived;    // from clients
  Counter bytesSent;        // to clients
  Counter protocolErrors;
  Counter crossProtocol;  // clients that spoke HTTP, and were closed
  Counter loginsRefused;
  Counter proxyHeadersRefused;  // connections without a header of the PROXY protocol that is good
  Gauge delayedClients;         // whose next request waits for its turn by a limit
  Gauge nodeUsers;              // that have links of their own (client-auth passthrough)
  Counter verifications;        // of clients' credentials, by nodes
  Gauge paused;                 // 1: PROXY PAUSE keeps this worker's clients waiting
  Counter retries;
  Counter ambiguousWrites;
  Gauge heldRequests;
  Gauge heldBytes;
  Gauge inFlightRequests;
  Gauge blockedClients;
  Gauge transactionLeases;
  Gauge blockingLeases;
  Gauge trackingLeases;
  Gauge loneLeases;         // of requests that are suspected of breaking their connections
  Gauge trackingClients;    // with CLIENT TRACKING on, by their own account
  Counter invalidations;    // pushes to clients about keys, as nodes sent them
  Counter trackingFlushes;  // pushes to clients that all they have cached is void
  std::array<Gauge, static_cast<std::size_t>(MemoryKind::Count)>
      memory;                   // bytes; as of the worker's last tick
  Gauge subscriptions;          // of clients, to channels and patterns
  Gauge upstreamSubscriptions;  // of the worker, at nodes
  Gauge monitors;               // clients that have sent MONITOR
  Counter pubsubMessages;       // to clients
  Counter pubsubGaps;           // subscriptions that may have missed messages
  std::array<Counter, static_cast<std::size_t>(Redirect::Count)> redirects;
  std::array<Counter, static_cast<std::size_t>(Limit::Count)> limits;
  std::array<Counter, static_cast<std::size_t>(Forbidden::Count)> forbidden;

  // Nodes come and go with the topology. The worker adds and drops them rarely, hence the lock; the counters
  // themselves are written without it. The reference stays valid until dropNode(). One entry per link: the
  // same node may be added several times. What a dropped entry had counted is kept for a while and goes on
  // when the node returns, because a total over all workers that falls looks like a restart to Prometheus.
  NodeMetrics& addNode(std::string_view node);
  void dropNode(const NodeMetrics& node);
  // Calls `visit(const NodeMetrics&)` for each node under the lock.
  template <typename Visit>
  void forEachNode(Visit visit) const {
    const std::lock_guard guard(nodesMutex_);
    for (const auto& node : nodes_) visit(*node);
  }
  template <typename Visit>
  void forEachRetiredNode(Visit visit) const {
    const std::lock_guard guard(nodesMutex_);
    for (const auto& node : retired_) visit(*node);
  }

 private:
  std::vector<CommandMetrics> commands_;
  std::vector<Counter> databaseRequests_;
  mutable std::mutex nodesMutex_;
  std::vector<std::unique_ptr<NodeMetrics>> nodes_;
  std::vector<std::unique_ptr<NodeMetrics>> retired_;  // oldest first
};

}  // namespace slotless::telemetry
