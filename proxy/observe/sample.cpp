#include "proxy/observe/sample.h"

#include <algorithm>

namespace slotless::observe {

namespace {

using telemetry::NodeMetrics;
using telemetry::WorkerMetrics;

void addTo(Buckets& buckets, const telemetry::LatencyHistogram& histogram) {
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += histogram.buckets[i].value();
}

void addCounters(NodeSample& sum, const NodeMetrics& node) {
  sum.requests += node.requests.value();
  sum.errors += node.errors.value();
  sum.bytesSent += node.bytesSent.value();
  sum.bytesReceived += node.bytesReceived.value();
  sum.losses += node.losses.value();
  addTo(sum.latency, node.latency);
}

void addNodes(Sample& sample, const WorkerMetrics& worker) {
  worker.forEachNode([&](const NodeMetrics& node) {
    NodeSample& sum = sample.nodes[node.node];
    addCounters(sum, node);
    sum.inFlight += node.inFlight.value();
    sum.missing |= node.missing.value() != 0;
    const auto state = static_cast<std::size_t>(node.state.value());
    if (state < sum.links.size()) ++sum.links[state];
  });
  // What is counted for a node that has no link at the moment goes on when it has one again.
  worker.forEachRetiredNode([&](const NodeMetrics& node) { addCounters(sample.nodes[node.node], node); });
}

void addCommands(Sample& sample, const WorkerMetrics& worker) {
  for (const telemetry::CommandMetrics& command : worker.commands()) {
    const std::uint64_t requests = command.requests.value();
    if (requests == 0) continue;  // of a thousand commands most
    sample.requests += requests;
    sample.errors += command.errors.value();
    addTo(sample.latency, command.latency);
  }
}

template <std::size_t N>
void addTo(std::array<std::uint64_t, N>& sums, const std::array<telemetry::Counter, N>& counters) {
  for (std::size_t i = 0; i < N; ++i) sums[i] += counters[i].value();
}

struct CounterRow {
  std::uint64_t Sample::*sum;
  telemetry::Counter WorkerMetrics::*counter;
};
constexpr CounterRow kCounters[] = {{&Sample::bytesReceived, &WorkerMetrics::bytesReceived},
                                    {&Sample::bytesSent, &WorkerMetrics::bytesSent},
                                    {&Sample::accepted, &WorkerMetrics::clientsAccepted},
                                    {&Sample::rejected, &WorkerMetrics::clientsRejected},
                                    {&Sample::retries, &WorkerMetrics::retries},
                                    {&Sample::ambiguous, &WorkerMetrics::ambiguousWrites},
                                    {&Sample::loginsRefused, &WorkerMetrics::loginsRefused}};

struct GaugeRow {
  std::int64_t Sample::*sum;
  telemetry::Gauge WorkerMetrics::*gauge;
};
constexpr GaugeRow kGauges[] = {{&Sample::clients, &WorkerMetrics::clients},
                                {&Sample::blocked, &WorkerMetrics::blockedClients},
                                {&Sample::delayed, &WorkerMetrics::delayedClients},
                                {&Sample::held, &WorkerMetrics::heldRequests},
                                {&Sample::heldBytes, &WorkerMetrics::heldBytes},
                                {&Sample::inFlight, &WorkerMetrics::inFlightRequests},
                                {&Sample::paused, &WorkerMetrics::paused},
                                {&Sample::transactionLeases, &WorkerMetrics::transactionLeases},
                                {&Sample::blockingLeases, &WorkerMetrics::blockingLeases},
                                {&Sample::trackingLeases, &WorkerMetrics::trackingLeases},
                                {&Sample::loneLeases, &WorkerMetrics::loneLeases},
                                {&Sample::subscriptions, &WorkerMetrics::subscriptions},
                                {&Sample::monitors, &WorkerMetrics::monitors}};

}  // namespace

double quantileMicros(const Buckets& buckets, double part) noexcept {
  std::uint64_t all = 0;
  for (const std::uint64_t each : buckets) all += each;
  if (all == 0) return 0;
  const double wanted = part * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < telemetry::kLatencyBoundsMicros.size(); ++i) {
    const auto here = static_cast<double>(buckets[i]);
    const double upper = telemetry::kLatencyBoundsMicros[i];
    if (here > 0 && below + here >= wanted) {
      const double lower = i == 0 ? 0 : telemetry::kLatencyBoundsMicros[i - 1];
      return lower + (upper - lower) * (wanted - below) / here;
    }
    below += here;
  }
  return telemetry::kLatencyBoundsMicros.back();  // at least that
}

Buckets minus(const Buckets& later, const Buckets& earlier) noexcept {
  Buckets difference{};
  for (std::size_t i = 0; i < difference.size(); ++i)
    difference[i] = later[i] > earlier[i] ? later[i] - earlier[i] : 0;
  return difference;
}

Sample takeSample(std::span<const WorkerMetrics* const> workers) {
  Sample sample;
  sample.at = std::chrono::steady_clock::now();
  sample.unixMillis = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  for (const WorkerMetrics* worker : workers) {
    for (const CounterRow& row : kCounters) sample.*row.sum += (worker->*row.counter).value();
    for (const GaugeRow& row : kGauges) sample.*row.sum += (worker->*row.gauge).value();
    addTo(sample.redirects, worker->redirects);
    addTo(sample.limits, worker->limits);
    addTo(sample.forbidden, worker->forbidden);
    addCommands(sample, *worker);
    addNodes(sample, *worker);
  }
  return sample;
}

std::uint64_t databaseRequests(std::span<const WorkerMetrics* const> workers, std::size_t index) {
  std::uint64_t sum = 0;
  for (const WorkerMetrics* worker : workers) {
    if (const telemetry::Counter* counter = worker->databaseRequests(index)) sum += counter->value();
  }
  return sum;
}

}  // namespace slotless::observe
