// The text of /metrics: every number of all workers, of the topology and of the process, in the Prometheus
// text format 0.0.4. Base units (seconds, bytes); labels only from bounded sets (commands, nodes, kinds).
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/telemetry/worker_metrics.h"

namespace slotless::telemetry {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

struct TopologyFacts {
  std::uint64_t version = 0;
  std::chrono::milliseconds age{0};  // since the cluster last confirmed it
  std::uint32_t slotsCovered = 0;    // slots with a known master
  std::uint32_t masters = 0;
  std::uint32_t replicas = 0;
};

struct DatabaseFacts {
  std::uint32_t index = 0;
  std::optional<std::uint64_t> keys;  // nullopt: not known
};

// A certificate that this process presents.
struct CertificateFacts {
  std::string_view side;  // to whom: "clients", "admin", "nodes"
  std::string file;
  std::int64_t expiry = 0;  // seconds since 1970
};

// The program that tells the password for the nodes.
struct PasswordCommandFacts {
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
  std::optional<std::chrono::milliseconds> expiresIn = {};  // of what it told last; negative: it has
};

// Other proxies of the cluster.
struct PeerFacts {
  std::size_t heard = 0;     // now
  bool isChannelUp = false;  // this proxy hears itself
  std::uint64_t messagesSaid = 0;
  std::uint64_t messagesHeard = 0;
  std::uint64_t messagesUnread = 0;
  std::uint64_t vanished = 0;
};

// Where the numbers come from. The functions are called on the thread that renders and must be safe there.
struct MetricsSources {
  std::string version;
  std::string revision;                                    // of the source code; may be empty
  std::vector<const WorkerMetrics*> workers;               // not owned; outlive every call of renderMetrics()
  std::function<std::optional<TopologyFacts>()> topology;  // nullopt: none learned yet
  std::function<std::uint64_t()> memoryInUse = nullptr;    // what counts for memory-limit; may be empty
  // Those that are told apart; empty: there is only one.
  std::function<std::vector<DatabaseFacts>()> databases = [] { return std::vector<DatabaseFacts>{}; };
  std::function<std::vector<CertificateFacts>()> certificates = [] {
    return std::vector<CertificateFacts>{};
  };
  // nullopt: there is none.
  std::function<std::optional<PasswordCommandFacts>()> passwordCommand = [] {
    return std::optional<PasswordCommandFacts>();
  };
  // nullopt: it is off, or nothing is known yet.
  std::function<std::optional<PeerFacts>()> peers = [] { return std::optional<PeerFacts>(); };
  std::function<std::string_view(std::size_t commandId)> commandName;  // "get", "config|set"; empty: unknown
};

std::string renderMetrics(const MetricsSources& sources);

}  // namespace slotless::telemetry
