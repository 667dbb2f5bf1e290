#include "proxy/telemetry/cross_slot_counts.h"

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

CrossSlotCounts& CrossSlotCounts::ofProcess() {
  static CrossSlotCounts counts;
  return counts;
}

void CrossSlotCounts::add(std::string_view command, std::string_view kind) {
  const std::lock_guard guard(mutex_);
  auto found = counts_.find(command);
  if (found == counts_.end()) found = counts_.emplace(command, Count{std::string(kind)}).first;
  ++found->second.requests;
}

void CrossSlotCounts::addBytes(std::string_view command, std::uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  const auto found = counts_.find(command);
  if (found != counts_.end()) found->second.bytes += bytes;
}

std::map<std::string, CrossSlotCounts::Count, std::less<>> CrossSlotCounts::all() const {
  const std::lock_guard guard(mutex_);
  return counts_;
}

void collectCrossSlot(Families& families) {
  auto requests = makeFamily("slotless_cross_slot_total",
                             "Commands over keys in several slots that were carried out in steps, by how.",
                             prometheus::MetricType::Counter);
  auto bytes = makeFamily("slotless_cross_slot_bytes_total",
                          "Bytes of the requests that the proxy has made for commands over several slots.",
                          prometheus::MetricType::Counter);
  for (const auto& [command, count] : CrossSlotCounts::ofProcess().all()) {
    const Labels labels = {{"command", command}, {"kind", count.kind}};
    addSample(requests, static_cast<double>(count.requests), labels);
    addSample(bytes, static_cast<double>(count.bytes), labels);
  }
  families.push_back(std::move(requests));
  families.push_back(std::move(bytes));
}

}  // namespace slotless::telemetry
