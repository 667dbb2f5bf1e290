#include "proxy/telemetry/loop_turns.h"

#include <memory>
#include <mutex>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<std::unique_ptr<LatencyHistogram>> histograms;

  static Registry& ofProcess() {
    static Registry registry;
    return registry;
  }
  LatencyHistogram& add() {
    const std::lock_guard guard(mutex);
    return *histograms.emplace_back(std::make_unique<LatencyHistogram>());
  }
};

}  // namespace

LatencyHistogram& turnsOfThisThread() {
  thread_local LatencyHistogram& turns = Registry::ofProcess().add();
  return turns;
}

std::vector<const LatencyHistogram*> allTurns() {
  Registry& registry = Registry::ofProcess();
  const std::lock_guard guard(registry.mutex);
  std::vector<const LatencyHistogram*> all;
  for (const auto& each : registry.histograms) all.push_back(each.get());
  return all;
}

void collectTurns(Families& families) {
  auto family = makeFamily("slotless_loop_turn_seconds",
                           "How long the turns of the workers' loops lasted; meanwhile their other clients "
                           "have waited.",
                           prometheus::MetricType::Histogram);
  HistogramSum sum;
  for (const LatencyHistogram* turns : allTurns()) sum.add(*turns);
  addHistogram(family, sum, {});
  families.push_back(std::move(family));
}

}  // namespace slotless::telemetry
