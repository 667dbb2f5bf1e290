#include "proxy/telemetry/loop_turns.h"

#include <ctime>
#include <memory>
#include <mutex>

#include "proxy/telemetry/metric_families.h"
#include "proxy/telemetry/turn_cpu.h"

namespace slotless::telemetry {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<std::unique_ptr<LoopTurns>> turns;

  static Registry& ofProcess() {
    static Registry registry;
    return registry;
  }
  LoopTurns& add() {
    const std::lock_guard guard(mutex);
    return *turns.emplace_back(std::make_unique<LoopTurns>());
  }
};

std::chrono::microseconds cpuOfThisThread() noexcept {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::seconds(used.tv_sec) +
                                                               std::chrono::nanoseconds(used.tv_nsec));
}

void addTurns(Families& families, const char* name, const char* about, LatencyHistogram LoopTurns::*which) {
  auto family = makeFamily(name, about, prometheus::MetricType::Histogram);
  HistogramSum sum;
  for (const LoopTurns* turns : allTurns()) sum.add(turns->*which);
  addHistogram(family, sum, {});
  families.push_back(std::move(family));
}

}  // namespace

LoopTurns& turnsOfThisThread() {
  thread_local LoopTurns& turns = Registry::ofProcess().add();
  return turns;
}

std::vector<const LoopTurns*> allTurns() {
  Registry& registry = Registry::ofProcess();
  const std::lock_guard guard(registry.mutex);
  std::vector<const LoopTurns*> all;
  for (const auto& each : registry.turns) all.push_back(each.get());
  return all;
}

void noteTurn(std::chrono::microseconds length, std::chrono::steady_clock::time_point end) {
  thread_local LoopTurns& turns = turnsOfThisThread();
  thread_local TurnCpu cpu;
  turns.lengths.record(length);
  turns.cpu.record(cpu.of(length, end, cpuOfThisThread));
}

void collectTurns(Families& families) {
  addTurns(families, "slotless_loop_turn_seconds",
           "How long the turns of the workers' loops lasted; meanwhile their other clients have waited.",
           &LoopTurns::lengths);
  addTurns(
      families, "slotless_loop_turn_cpu_seconds",
      "The same without the time for which the system let others run in the worker's place, which is told "
      "of turns from 2 ms on.",
      &LoopTurns::cpu);
}

}  // namespace slotless::telemetry
