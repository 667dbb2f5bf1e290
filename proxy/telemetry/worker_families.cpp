#include <array>
#include <cstddef>
#include <type_traits>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {
namespace {

using prometheus::MetricType;

struct WorkerCounter {
  std::string_view name;
  std::string_view help;
  Counter WorkerMetrics::*counter;
};

struct GaugeRow {
  std::string_view name;
  std::string_view help;
  Gauge WorkerMetrics::*gauge;
};

constexpr std::array kWorkerCounters = {
    WorkerCounter{"slotless_clients_accepted_total", "Client connections accepted.",
                  &WorkerMetrics::clientsAccepted},
    WorkerCounter{"slotless_clients_rejected_total", "Client connections refused because of a limit.",
                  &WorkerMetrics::clientsRejected},
    WorkerCounter{"slotless_bytes_received_total", "Bytes received from clients.",
                  &WorkerMetrics::bytesReceived},
    WorkerCounter{"slotless_bytes_sent_total", "Bytes sent to clients.", &WorkerMetrics::bytesSent},
    WorkerCounter{"slotless_protocol_errors_total", "Clients closed because what they sent was not RESP.",
                  &WorkerMetrics::protocolErrors},
    WorkerCounter{"slotless_cross_protocol_total",
                  "Clients closed because they spoke HTTP: somebody may be attacking by way of a browser.",
                  &WorkerMetrics::crossProtocol},
    WorkerCounter{"slotless_logins_refused_total", "Logins with a wrong name or password.",
                  &WorkerMetrics::loginsRefused},
    WorkerCounter{"slotless_proxy_headers_refused_total",
                  "Connections closed because they came from no trusted balancer, or without a good header.",
                  &WorkerMetrics::proxyHeadersRefused},
    WorkerCounter{"slotless_passthrough_verifications_total",
                  "Credentials of clients that a node was asked to judge.", &WorkerMetrics::verifications},
    WorkerCounter{"slotless_retries_total", "Requests sent to a node once more.", &WorkerMetrics::retries},
    WorkerCounter{"slotless_ambiguous_writes_total",
                  "Writes sent whose connection was lost before the reply.", &WorkerMetrics::ambiguousWrites},
    WorkerCounter{"slotless_pubsub_messages_total", "Published messages given to subscribed clients.",
                  &WorkerMetrics::pubsubMessages},
    WorkerCounter{
        "slotless_pubsub_gaps_total",
        "Times that a subscription was lost or moved, so that its clients may have missed messages.",
        &WorkerMetrics::pubsubGaps},
    WorkerCounter{"slotless_invalidations_total",
                  "Invalidations of keys given to clients with CLIENT TRACKING.",
                  &WorkerMetrics::invalidations},
    WorkerCounter{"slotless_tracking_flushes_total",
                  "Times that a client with CLIENT TRACKING was told to drop all that it has cached.",
                  &WorkerMetrics::trackingFlushes},
};

constexpr std::array kGauges = {
    GaugeRow{"slotless_clients", "Clients connected.", &WorkerMetrics::clients},
    GaugeRow{"slotless_passthrough_users",
             "Users that have connections of their own to the nodes, each counted once per worker.",
             &WorkerMetrics::nodeUsers},
    GaugeRow{"slotless_held_requests", "Requests waiting for a reachable master.",
             &WorkerMetrics::heldRequests},
    GaugeRow{"slotless_held_bytes", "Bytes of the requests waiting for a reachable master.",
             &WorkerMetrics::heldBytes},
    GaugeRow{"slotless_in_flight_requests", "Requests received and not yet answered.",
             &WorkerMetrics::inFlightRequests},
    GaugeRow{"slotless_blocked_clients", "Clients waiting in a blocking command.",
             &WorkerMetrics::blockedClients},
    GaugeRow{"slotless_transaction_leases", "Links that belong to a client with a watch.",
             &WorkerMetrics::transactionLeases},
    GaugeRow{"slotless_blocking_leases", "Links that belong to a client in a blocking command.",
             &WorkerMetrics::blockingLeases},
    GaugeRow{
        "slotless_tracking_leases",
        "Links on which nodes tell of keys: a client's with CLIENT TRACKING on, or of all who wait over slots.",
        &WorkerMetrics::trackingLeases},
    GaugeRow{"slotless_lone_leases",
             "Links that belong to one request that may be what breaks its connections.",
             &WorkerMetrics::loneLeases},
    GaugeRow{"slotless_tracking_clients", "Clients with CLIENT TRACKING on.",
             &WorkerMetrics::trackingClients},
    GaugeRow{"slotless_subscriptions", "Subscriptions of clients to channels and patterns.",
             &WorkerMetrics::subscriptions},
    GaugeRow{"slotless_upstream_subscriptions", "Subscriptions of the workers at nodes.",
             &WorkerMetrics::upstreamSubscriptions},
    GaugeRow{"slotless_delayed_clients", "Clients whose next request a rate or an in-flight limit delays.",
             &WorkerMetrics::delayedClients},
    GaugeRow{"slotless_paused_workers", "Workers whose clients PROXY PAUSE keeps waiting.",
             &WorkerMetrics::paused},
    GaugeRow{"slotless_monitors", "Clients that have sent MONITOR.", &WorkerMetrics::monitors},
};

template <typename Read>
double sumOver(const MetricsSources& sources, Read read) {
  double sum = 0;
  for (const WorkerMetrics* worker : sources.workers) sum += static_cast<double>(read(*worker));
  return sum;
}

// One counter or gauge per enumerator, with the enumerator's name as the label's value.
template <typename Enum, typename Number, std::size_t N>
prometheus::MetricFamily enumFamily(const MetricsSources& sources, std::string_view name,
                                    std::string_view help, const char* label,
                                    std::array<Number, N> WorkerMetrics::*numbers,
                                    std::string_view (*nameOf)(Enum) noexcept) {
  auto family =
      makeFamily(name, help, std::is_same_v<Number, Gauge> ? MetricType::Gauge : MetricType::Counter);
  for (std::size_t i = 0; i < N; ++i) {
    const double sum = sumOver(sources, [&](const WorkerMetrics& w) { return (w.*numbers)[i].value(); });
    addSample(family, sum, {{label, std::string(nameOf(static_cast<Enum>(i)))}});
  }
  return family;
}

}  // namespace

void collectWorkers(const MetricsSources& sources, Families& families) {
  auto workers = makeFamily("slotless_workers", "Worker threads.", MetricType::Gauge);
  addSample(workers, static_cast<double>(sources.workers.size()));
  families.push_back(std::move(workers));
  for (const WorkerCounter& row : kWorkerCounters) {
    auto family = makeFamily(row.name, row.help, MetricType::Counter);
    addSample(family, sumOver(sources, [&](const WorkerMetrics& w) { return (w.*row.counter).value(); }));
    families.push_back(std::move(family));
  }
  for (const GaugeRow& row : kGauges) {
    auto family = makeFamily(row.name, row.help, MetricType::Gauge);
    addSample(family, sumOver(sources, [&](const WorkerMetrics& w) { return (w.*row.gauge).value(); }));
    families.push_back(std::move(family));
  }
  families.push_back(enumFamily(sources, "slotless_redirects_total",
                                "Error replies of nodes that were acted upon.", "kind",
                                &WorkerMetrics::redirects, redirectName));
  families.push_back(enumFamily(sources, "slotless_limit_hits_total", "Times that a configured limit acted.",
                                "limit", &WorkerMetrics::limits, limitName));
  families.push_back(enumFamily(sources, "slotless_forbidden_commands_total",
                                "Commands refused because of what their user may do.", "reason",
                                &WorkerMetrics::forbidden, forbiddenName));
  families.push_back(enumFamily(sources, "slotless_memory_bytes",
                                "Memory of the workers by what it is for, as of at most a second ago.",
                                "kind", &WorkerMetrics::memory, memoryKindName));
}

}  // namespace slotless::telemetry
