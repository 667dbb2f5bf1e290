#include <map>
#include <string>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {
namespace {

using prometheus::MetricType;

struct CommandSum {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  HistogramSum latency;

  void add(const CommandMetrics& metrics) {
    requests += metrics.requests.value();
    errors += metrics.errors.value();
    latency.add(metrics.latency);
  }
};

// By name, because workers may know different numbers of commands and two ids may share a name: a series must
// be unique.
std::map<std::string, CommandSum, std::less<>> sumByName(const MetricsSources& sources) {
  std::map<std::string, CommandSum, std::less<>> sums;
  for (const WorkerMetrics* worker : sources.workers) {
    const auto& commands = worker->commands();
    for (std::size_t id = 0; id < commands.size(); ++id) {
      if (commands[id].requests.value() == 0) continue;
      const bool last = id + 1 == commands.size();  // the entry of unknown commands
      const std::string_view name = last ? std::string_view{} : sources.commandName(id);
      sums[name.empty() ? "unknown" : std::string(name)].add(commands[id]);
    }
  }
  return sums;
}

}  // namespace

void collectCommands(const MetricsSources& sources, Families& families) {
  auto requests = makeFamily("slotless_requests_total", "Requests answered.", MetricType::Counter);
  auto errors = makeFamily("slotless_request_errors_total",
                           "Requests answered with an error, a node's or the proxy's.", MetricType::Counter);
  auto durations = makeFamily("slotless_request_duration_seconds",
                              "From the arrival of a whole request to the end of its reply, queues included.",
                              MetricType::Histogram);
  for (const auto& [name, sum] : sumByName(sources)) {
    const Labels labels = {{"command", name}};
    addSample(requests, static_cast<double>(sum.requests), labels);
    addSample(errors, static_cast<double>(sum.errors), labels);
    addHistogram(durations, sum.latency, labels);
  }
  for (auto* family : {&requests, &errors, &durations}) families.push_back(std::move(*family));
}

}  // namespace slotless::telemetry
