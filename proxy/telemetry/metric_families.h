// The families of metrics that make up the page, by where they come from; private to telemetry.
#pragma once
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <utility>
#include <vector>

#include "proxy/telemetry/metrics_page.h"

namespace slotless::telemetry {

using Labels = std::vector<prometheus::ClientMetric::Label>;

inline prometheus::MetricFamily makeFamily(std::string_view name, std::string_view help,
                                           prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

// For families of type Counter or Gauge.
inline void addSample(prometheus::MetricFamily& family, double value, Labels labels = {}) {
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  (family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

struct HistogramSum {
  std::uint64_t micros = 0;
  std::array<std::uint64_t, kLatencyBoundsMicros.size() + 1> buckets{};

  void add(const LatencyHistogram& histogram) {
    micros += histogram.microsSum.value();
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += histogram.buckets[i].value();
  }
};

// For families of type Histogram, in seconds.
void addHistogram(prometheus::MetricFamily& family, const HistogramSum& sum, Labels labels);

using Families = std::vector<prometheus::MetricFamily>;

void collectWorkers(const MetricsSources& sources, Families& families);
void collectTurns(Families& families);
void collectCommands(const MetricsSources& sources, Families& families);
void collectNodes(const MetricsSources& sources, Families& families);
void collectDatabases(const MetricsSources& sources, Families& families);
void collectUsers(Families& families);
void collectCrossSlot(Families& families);
void collectHotKeys(Families& families);
void collectShadow(Families& families);
void collectMigration(Families& families);
void collectTraces(Families& families);
void collectTls(const MetricsSources& sources, Families& families);
void collectTopology(const MetricsSources& sources, Families& families);
void collectProcess(Families& families);

}  // namespace slotless::telemetry
