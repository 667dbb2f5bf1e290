#include "proxy/telemetry/trace_counts.h"

#include <algorithm>
#include <string>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

std::string_view nameOf(TraceDrop reason) noexcept {
  static constexpr std::array<std::string_view, kTraceDrops> kNames{"full",    "rate",     "unreachable",
                                                                    "refused", "rejected", "ended"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string_view nameOf(TraceFailure reason) noexcept {
  static constexpr std::array<std::string_view, kTraceFailures> kNames{"unreachable", "timeout", "busy",
                                                                       "refused", "nonsense"};
  return kNames[static_cast<std::size_t>(reason)];
}

TraceCounts& TraceCounts::ofProcess() {
  static TraceCounts counts;
  return counts;
}

bool TraceCounts::any() const noexcept {
  const auto isCounted = [](const auto& count) { return count.load(std::memory_order_relaxed) > 0; };
  return isCounted(exported_) || isCounted(waiting_) ||
         std::any_of(dropped_.begin(), dropped_.end(), isCounted) ||
         std::any_of(failures_.begin(), failures_.end(), isCounted);
}

void collectTraces(Families& families) {
  const TraceCounts& counts = TraceCounts::ofProcess();
  if (!counts.any()) return;
  auto exported = makeFamily("slotless_trace_spans_exported_total",
                             "Spans of sampled requests that the collector has taken (trace-endpoint).",
                             prometheus::MetricType::Counter);
  addSample(exported, static_cast<double>(counts.exported()));
  auto dropped = makeFamily("slotless_trace_spans_dropped_total",
                            "Spans of sampled requests that no collector has got, by reason.",
                            prometheus::MetricType::Counter);
  for (std::size_t i = 0; i < kTraceDrops; ++i) {
    const auto reason = static_cast<TraceDrop>(i);
    addSample(dropped, static_cast<double>(counts.dropped(reason)),
              {{"reason", std::string(nameOf(reason))}});
  }
  auto failures =
      makeFamily("slotless_trace_exports_failed_total",
                 "Batches of spans that the collector has not taken when they were sent, by reason.",
                 prometheus::MetricType::Counter);
  for (std::size_t i = 0; i < kTraceFailures; ++i) {
    const auto reason = static_cast<TraceFailure>(i);
    addSample(failures, static_cast<double>(counts.failures(reason)),
              {{"reason", std::string(nameOf(reason))}});
  }
  auto waiting = makeFamily("slotless_trace_spans_waiting", "Spans of sampled requests that wait to be sent.",
                            prometheus::MetricType::Gauge);
  addSample(waiting, static_cast<double>(counts.waiting()));
  for (auto* family : {&exported, &dropped, &failures, &waiting}) families.push_back(std::move(*family));
}

}  // namespace slotless::telemetry
