// What all workers have counted up to one moment, as plain values: the difference of two samples is what has
// happened between them.
//
// Taken on any thread; a worker is not asked, and waits for nothing but the short lock of its list of nodes.
// Units: microseconds, bytes.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "proxy/telemetry/worker_metrics.h"

namespace slotless::observe {

using Buckets = std::array<std::uint64_t, telemetry::kLatencyBoundsMicros.size() + 1>;

// Of all latencies in the buckets, the one that this part of them (0 to 1) does not exceed, as far as the
// buckets tell. 0: there are none.
double quantileMicros(const Buckets& buckets, double part) noexcept;
Buckets minus(const Buckets& later, const Buckets& earlier) noexcept;

struct NodeSample {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytesSent = 0;
  std::uint64_t bytesReceived = 0;
  std::uint64_t losses = 0;
  Buckets latency{};
  std::int64_t inFlight = 0;
  std::array<std::uint32_t, static_cast<std::size_t>(telemetry::LinkState::Count)> links{};
  bool missing = false;  // a link that there should be is not established
};

struct Sample {
  std::chrono::steady_clock::time_point at{};
  std::int64_t unixMillis = 0;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  Buckets latency{};
  std::uint64_t bytesReceived = 0;
  std::uint64_t bytesSent = 0;
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t retries = 0;
  std::uint64_t ambiguous = 0;
  std::uint64_t loginsRefused = 0;
  std::int64_t clients = 0;
  std::int64_t blocked = 0;
  std::int64_t delayed = 0;
  std::int64_t held = 0;
  std::int64_t heldBytes = 0;
  std::int64_t inFlight = 0;
  std::int64_t paused = 0;  // workers
  std::int64_t transactionLeases = 0;
  std::int64_t blockingLeases = 0;
  std::int64_t trackingLeases = 0;
  std::int64_t loneLeases = 0;
  std::int64_t subscriptions = 0;
  std::int64_t monitors = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(telemetry::Redirect::Count)> redirects{};
  std::array<std::uint64_t, static_cast<std::size_t>(telemetry::Limit::Count)> limits{};
  std::array<std::uint64_t, static_cast<std::size_t>(telemetry::Forbidden::Count)> forbidden{};
  std::map<std::string, NodeSample> nodes;  // by "host:port"
};

Sample takeSample(std::span<const telemetry::WorkerMetrics* const> workers);
// Over all workers; 0 where requests are not told apart by database.
std::uint64_t databaseRequests(std::span<const telemetry::WorkerMetrics* const> workers, std::size_t index);

}  // namespace slotless::observe
