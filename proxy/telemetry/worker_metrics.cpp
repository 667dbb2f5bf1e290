#include "proxy/telemetry/worker_metrics.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace slotless::telemetry {
namespace {

// Nodes that left are remembered up to this number per worker (see WorkerMetrics::dropNode).
constexpr std::size_t kRetiredNodesKept = 64;

constexpr std::array<std::string_view, static_cast<std::size_t>(Redirect::Count)> kRedirectNames = {
    "moved", "ask", "tryagain", "clusterdown", "loading", "readonly", "masterdown", "noscript"};

constexpr std::array<std::string_view, static_cast<std::size_t>(Limit::Count)> kLimitNames = {
    "max_clients",
    "query_buffer",
    "output_hard",
    "hold_requests",
    "hold_bytes",
    "in_flight",
    "leases",
    "pubsub_output",
    "memory",
    "before_login",
    "login_timeout",
    "watched_keys",
    "subscriptions",
    "address",
    "clients_per_address",
    "accept_rate",
    "clients_per_user",
    "request_rate",
    "byte_rate",
    "in_flight_per_user",
    "in_flight_per_address",
    "idle"};

constexpr std::array<std::string_view, static_cast<std::size_t>(LinkState::Count)> kLinkStateNames = {
    "idle", "connecting", "handshaking", "ready", "silent", "draining", "backing_off"};

constexpr std::array<std::string_view, static_cast<std::size_t>(MemoryKind::Count)> kMemoryKindNames = {
    "client_input", "client_output", "link_output", "other", "idle", "requests", "sessions"};

constexpr std::array<std::string_view, static_cast<std::size_t>(Forbidden::Count)> kForbiddenNames = {
    "command", "key", "channel", "database", "listener"};

// By how many bits a number has: the first bucket that it may be in.
constexpr auto kFirstBuckets = [] {
  std::array<std::uint8_t, 65> first{};
  for (std::size_t bits = 1; bits < first.size(); ++bits) {
    const std::uint64_t least = std::uint64_t{1} << (bits - 1);
    std::uint8_t bucket = 0;
    while (bucket < kLatencyBoundsMicros.size() && kLatencyBoundsMicros[bucket] < least) ++bucket;
    first[bits] = bucket;
  }
  return first;
}();

template <typename Enum, std::size_t N>
std::string_view nameOf(const std::array<std::string_view, N>& names, Enum value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view{"unknown"};
}

}  // namespace

std::string_view redirectName(Redirect kind) noexcept {
  return nameOf(kRedirectNames, kind);
}
std::string_view limitName(Limit limit) noexcept {
  return nameOf(kLimitNames, limit);
}
std::string_view forbiddenName(Forbidden kind) noexcept {
  return nameOf(kForbiddenNames, kind);
}
std::string_view memoryKindName(MemoryKind kind) noexcept {
  return nameOf(kMemoryKindNames, kind);
}
std::string_view linkStateName(LinkState state) noexcept {
  return nameOf(kLinkStateNames, state);
}

void CommandMetrics::record(std::chrono::microseconds latencyOfRequest, bool failed) noexcept {
  requests.add();
  if (failed) errors.add();
  latency.record(latencyOfRequest);
}

void LatencyHistogram::record(std::chrono::microseconds latency) noexcept {
  // A clock that is cached per loop turn can make a request end "before" it arrived.
  const auto micros =
      static_cast<std::uint64_t>(std::max<std::chrono::microseconds::rep>(0, latency.count()));
  std::size_t bucket = kFirstBuckets[static_cast<std::size_t>(std::bit_width(micros))];
  while (bucket < kLatencyBoundsMicros.size() && kLatencyBoundsMicros[bucket] < micros) ++bucket;
  microsSum.add(micros);
  buckets[bucket].add();
}

WorkerMetrics::WorkerMetrics(std::size_t commandCount, std::size_t databaseCount)
    : commands_(commandCount + 1), databaseRequests_(databaseCount) {}

NodeMetrics& WorkerMetrics::addNode(std::string_view node) {
  const std::lock_guard guard(nodesMutex_);
  const auto known = std::find_if(retired_.begin(), retired_.end(),
                                  [&](const auto& candidate) { return candidate->node == node; });
  if (known != retired_.end()) {
    nodes_.push_back(std::move(*known));
    retired_.erase(known);
  } else {
    nodes_.push_back(std::make_unique<NodeMetrics>());
    nodes_.back()->node = node;
  }
  return *nodes_.back();
}

void WorkerMetrics::dropNode(const NodeMetrics& node) {
  const std::lock_guard guard(nodesMutex_);
  const auto entry = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const auto& candidate) { return candidate.get() == &node; });
  if (entry == nodes_.end()) return;
  (*entry)->state.set(static_cast<std::int64_t>(LinkState::Idle));
  (*entry)->silentSince.set(0);
  (*entry)->inFlight.set(0);
  if (retired_.size() == kRetiredNodesKept) retired_.erase(retired_.begin());
  retired_.push_back(std::move(*entry));
  nodes_.erase(entry);
}

}  // namespace slotless::telemetry
