#include <array>
#include <map>
#include <string>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {
namespace {

using prometheus::MetricType;

struct NodeCounter {
  std::string_view name;
  std::string_view help;
  Counter NodeMetrics::*counter;
};

constexpr std::array kNodeCounters = {
    NodeCounter{"slotless_node_requests_total", "Requests sent to the node.", &NodeMetrics::requests},
    NodeCounter{"slotless_node_errors_total", "Error replies of the node, redirects among them.",
                &NodeMetrics::errors},
    NodeCounter{"slotless_node_bytes_sent_total", "Bytes sent to the node.", &NodeMetrics::bytesSent},
    NodeCounter{"slotless_node_bytes_received_total", "Bytes received from the node.",
                &NodeMetrics::bytesReceived},
    NodeCounter{"slotless_node_connects_total", "Connections to the node that were established.",
                &NodeMetrics::connects},
    NodeCounter{"slotless_node_losses_total", "Connections to the node that were lost or refused.",
                &NodeMetrics::losses},
    NodeCounter{"slotless_node_reauthentications_total",
                "AUTH on connections to the node that were in use, accepted.", &NodeMetrics::logins},
    NodeCounter{"slotless_node_reauthentications_refused_total", "The same, refused by the node.",
                &NodeMetrics::loginsRefused},
};

constexpr std::size_t kStates = static_cast<std::size_t>(LinkState::Count);

struct NodeSum {
  bool live = false;  // some worker has a link to it now
  std::array<std::uint64_t, kStates> linksInState{};
  std::int64_t inFlight = 0;
  std::array<std::uint64_t, kNodeCounters.size()> counters{};
  HistogramSum latency;

  void addCounters(const NodeMetrics& node) {
    for (std::size_t i = 0; i < kNodeCounters.size(); ++i)
      counters[i] += (node.*kNodeCounters[i].counter).value();
    latency.add(node.latency);
  }
  void addLink(const NodeMetrics& node) {
    live = true;
    const auto state = static_cast<std::size_t>(node.state.value());
    if (state < kStates) ++linksInState[state];
    inFlight += node.inFlight.value();
    addCounters(node);
  }
};

std::map<std::string, NodeSum> sumByNode(const MetricsSources& sources) {
  std::map<std::string, NodeSum> sums;
  for (const WorkerMetrics* worker : sources.workers) {
    worker->forEachNode([&](const NodeMetrics& node) { sums[node.node].addLink(node); });
    worker->forEachRetiredNode([&](const NodeMetrics& node) { sums[node.node].addCounters(node); });
  }
  std::erase_if(sums, [](const auto& entry) { return !entry.second.live; });
  return sums;
}

}  // namespace

void collectNodes(const MetricsSources& sources, Families& families) {
  const auto sums = sumByNode(sources);
  auto links =
      makeFamily("slotless_links", "Connections to the node, over all workers, by state.", MetricType::Gauge);
  auto inFlight = makeFamily("slotless_node_in_flight_requests",
                             "Requests sent to the node and not yet answered.", MetricType::Gauge);
  auto durations =
      makeFamily("slotless_node_request_duration_seconds",
                 "From the sending of a request to the end of the node's reply, the link's queue included.",
                 MetricType::Histogram);
  for (const auto& [name, sum] : sums) {
    addHistogram(durations, sum.latency, {{"node", name}});
    for (std::size_t state = 0; state < kStates; ++state)
      addSample(links, static_cast<double>(sum.linksInState[state]),
                {{"node", name}, {"state", std::string(linkStateName(static_cast<LinkState>(state)))}});
    addSample(inFlight, static_cast<double>(sum.inFlight), {{"node", name}});
  }
  families.push_back(std::move(links));
  families.push_back(std::move(inFlight));
  families.push_back(std::move(durations));
  for (std::size_t i = 0; i < kNodeCounters.size(); ++i) {
    auto family = makeFamily(kNodeCounters[i].name, kNodeCounters[i].help, MetricType::Counter);
    for (const auto& [name, sum] : sums)
      addSample(family, static_cast<double>(sum.counters[i]), {{"node", name}});
    families.push_back(std::move(family));
  }
}

}  // namespace slotless::telemetry
