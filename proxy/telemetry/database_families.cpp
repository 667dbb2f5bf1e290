// What concerns the logical databases.
#include <string>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

using prometheus::MetricType;

void collectDatabases(const MetricsSources& sources, Families& families) {
  const std::vector<DatabaseFacts> databases = sources.databases();
  if (databases.empty()) return;
  auto requests = makeFamily("slotless_database_requests_total",
                             "Requests taken up in a database, those that the proxy answers included.",
                             MetricType::Counter);
  auto keys =
      makeFamily("slotless_database_keys",
                 "Keys in the slot of a pinned database, as of the last minute. A spread database has none.",
                 MetricType::Gauge);
  for (const DatabaseFacts& database : databases) {
    const Labels labels = {{"database", std::to_string(database.index)}};
    double sum = 0;
    for (const WorkerMetrics* worker : sources.workers) {
      if (const Counter* counter = worker->databaseRequests(database.index))
        sum += static_cast<double>(counter->value());
    }
    // Those that nobody uses are left out: there may be thousands.
    if (sum == 0 && database.keys.value_or(0) == 0) continue;
    addSample(requests, sum, labels);
    if (database.keys) addSample(keys, static_cast<double>(*database.keys), labels);
  }
  families.push_back(std::move(requests));
  families.push_back(std::move(keys));
}

}  // namespace slotless::telemetry
