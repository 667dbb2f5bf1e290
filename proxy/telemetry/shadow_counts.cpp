#include "proxy/telemetry/shadow_counts.h"

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

std::string_view nameOf(ShadowOutcome outcome) noexcept {
  static constexpr std::array<std::string_view, kShadowOutcomes> kNames{"equal", "different", "changing",
                                                                        "unanswered"};
  return kNames[static_cast<std::size_t>(outcome)];
}

std::string_view nameOf(ShadowDrop reason) noexcept {
  static constexpr std::array<std::string_view, kShadowDrops> kNames{"full", "large", "crosses", "reserved",
                                                                     "unreachable"};
  return kNames[static_cast<std::size_t>(reason)];
}

ShadowCounts& ShadowCounts::ofProcess() {
  static ShadowCounts counts;
  return counts;
}

void ShadowCounts::add(std::string_view command, ShadowOutcome outcome) {
  const std::lock_guard guard(mutex_);
  auto found = outcomes_.find(command);
  if (found == outcomes_.end()) found = outcomes_.emplace(command, ByOutcome{}).first;
  ++found->second[static_cast<std::size_t>(outcome)];
}

std::map<std::string, ShadowCounts::ByOutcome, std::less<>> ShadowCounts::all() const {
  const std::lock_guard guard(mutex_);
  return outcomes_;
}

void collectShadow(Families& families) {
  const ShadowCounts& counts = ShadowCounts::ofProcess();
  auto outcomes = makeFamily("slotless_shadow_total",
                             "Reads that were asked again on both sides (shadow-sample), by what came of it.",
                             prometheus::MetricType::Counter);
  for (const auto& [command, byOutcome] : counts.all()) {
    for (std::size_t i = 0; i < kShadowOutcomes; ++i)
      addSample(outcomes, static_cast<double>(byOutcome[i]),
                {{"command", command}, {"outcome", std::string(nameOf(static_cast<ShadowOutcome>(i)))}});
  }
  families.push_back(std::move(outcomes));
  if (counts.sampled() == 0) return;
  auto dropped = makeFamily("slotless_shadow_dropped_total",
                            "Reads that were chosen for shadow-sample and not compared, by reason.",
                            prometheus::MetricType::Counter);
  for (std::size_t i = 0; i < kShadowDrops; ++i) {
    const auto reason = static_cast<ShadowDrop>(i);
    addSample(dropped, static_cast<double>(counts.dropped(reason)),
              {{"reason", std::string(nameOf(reason))}});
  }
  auto waiting =
      makeFamily("slotless_shadow_waiting_bytes",
                 "Reads that wait to be asked on both sides (shadow-sample).", prometheus::MetricType::Gauge);
  addSample(waiting, static_cast<double>(counts.waiting()));
  families.push_back(std::move(dropped));
  families.push_back(std::move(waiting));
}

}  // namespace slotless::telemetry
