// What CONFIG RESETSTAT resets of the proxy's own numbers: INFO and LATENCY HISTOGRAM count from then on. The
// counters themselves go on, because Prometheus takes a counter that falls for a restart.
//
// Shared by all workers; safe to call on any of them.
#pragma once
#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "proxy/observe/process_facts.h"
#include "proxy/telemetry/worker_metrics.h"

namespace slotless::session {

// One command over all workers.
struct CommandTotals {
  std::uint64_t calls = 0;
  std::array<std::uint64_t, telemetry::kLatencyBoundsMicros.size() + 1> buckets{};

  bool operator==(const CommandTotals&) const = default;
};

class StatBaseline {
 public:
  // From now on.
  void set(const ProcessCounters& counters);
  // Both take what has been counted since the start.
  ProcessFacts since(ProcessFacts facts) const;
  CommandTotals since(std::size_t commandId, CommandTotals totals) const;

 private:
  mutable std::mutex mutex_;
  ProcessFacts facts_;
  std::vector<CommandTotals> commands_;  // by id; none: from the start
};

CommandTotals totalsOf(const ProcessCounters& counters, std::size_t commandId);

}  // namespace slotless::session
