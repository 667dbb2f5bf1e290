#include "proxy/observe/stat_baseline.h"

#include <algorithm>

namespace slotless::session {

namespace {

// What counts something; the others say how things are.
constexpr std::uint64_t ProcessFacts::*kCounted[] = {
    &ProcessFacts::clientsAccepted, &ProcessFacts::clientsRejected, &ProcessFacts::requests,
    &ProcessFacts::errors,          &ProcessFacts::bytesReceived,   &ProcessFacts::bytesSent,
};

// The workers go on counting while they are read: a part may be behind the sum.
void subtract(std::uint64_t& from, std::uint64_t amount) {
  from -= std::min(from, amount);
}

void add(const telemetry::CommandMetrics& command, CommandTotals& totals) {
  totals.calls += command.requests.value();
  for (std::size_t i = 0; i < totals.buckets.size(); ++i)
    totals.buckets[i] += command.latency.buckets[i].value();
}

}  // namespace

void StatBaseline::set(const ProcessCounters& counters) {
  const ProcessFacts facts = counters.facts();
  std::vector<CommandTotals> commands;
  counters.visitMetrics([&](const telemetry::WorkerMetrics& metrics) {
    commands.resize(std::max(commands.size(), metrics.commands().size()));
    for (std::size_t id = 0; id < metrics.commands().size(); ++id) add(metrics.commands()[id], commands[id]);
  });
  const std::lock_guard guard(mutex_);
  facts_ = facts;
  commands_ = std::move(commands);
}

ProcessFacts StatBaseline::since(ProcessFacts facts) const {
  const std::lock_guard guard(mutex_);
  for (const auto counted : kCounted) subtract(facts.*counted, facts_.*counted);
  return facts;
}

CommandTotals StatBaseline::since(std::size_t commandId, CommandTotals totals) const {
  const std::lock_guard guard(mutex_);
  if (commandId >= commands_.size()) return totals;
  const CommandTotals& before = commands_[commandId];
  subtract(totals.calls, before.calls);
  for (std::size_t i = 0; i < totals.buckets.size(); ++i) subtract(totals.buckets[i], before.buckets[i]);
  return totals;
}

CommandTotals totalsOf(const ProcessCounters& counters, std::size_t commandId) {
  CommandTotals totals;
  counters.visitMetrics([&](const telemetry::WorkerMetrics& metrics) {
    if (commandId < metrics.commands().size()) add(metrics.commands()[commandId], totals);
  });
  return totals;
}

}  // namespace slotless::session
