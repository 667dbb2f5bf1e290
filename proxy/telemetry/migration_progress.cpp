#include "proxy/telemetry/migration_progress.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

namespace {

using RunFields = std::map<std::string, std::string>;

constexpr double kMillisOfSecond = 1e3;
constexpr double kMicrosOfSecond = 1e6;
constexpr std::string_view kBack = "back to the server";

std::string fieldIn(const RunFields& fields, const char* name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

std::optional<std::uint64_t> numberIn(const RunFields& fields, const char* name) {
  const std::string text = fieldIn(fields, name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct MigrationNumber {
  const char* field;
  std::uint64_t MigrationProgress::*member;
};
constexpr MigrationNumber kMigrationNumbers[] = {
    {"started_ms", &MigrationProgress::startedMillis},
    {"updated_ms", &MigrationProgress::updatedMillis},
    {"database", &MigrationProgress::database},
    {"walked", &MigrationProgress::walkedKeys},
    {"expected", &MigrationProgress::expectedKeys},
    {"keys", &MigrationProgress::copiedKeys},
    {"bytes", &MigrationProgress::copiedBytes},
    {"deleted", &MigrationProgress::deletedKeys},
    {"changes", &MigrationProgress::changes},
    {"waiting", &MigrationProgress::waitingKeys},
    {"lag_ms", &MigrationProgress::lagMillis},
    {"source_latency_us", &MigrationProgress::sourceLatencyMicros},
    {"keys_per_second", &MigrationProgress::keysPerSecond},
    {"bytes_per_second", &MigrationProgress::bytesPerSecond},
    {"walks", &MigrationProgress::walks},
    {"feed_losses", &MigrationProgress::feedLosses},
};

struct MigrationGauge {
  std::string_view name;
  std::string_view help;
  std::uint64_t MigrationProgress::*member;
  double unit = 1;
};
constexpr MigrationGauge kMigrationGauges[] = {
    {"slotless_migration_walked_keys", "Keys that the walk has come to.", &MigrationProgress::walkedKeys},
    {"slotless_migration_expected_keys", "Keys that the walk expects.", &MigrationProgress::expectedKeys},
    {"slotless_migration_copied_keys", "Keys that the run has copied, as often as it has.",
     &MigrationProgress::copiedKeys},
    {"slotless_migration_copied_bytes", "What these were.", &MigrationProgress::copiedBytes},
    {"slotless_migration_deleted_keys", "Keys that the run has deleted on the side that is copied to.",
     &MigrationProgress::deletedKeys},
    {"slotless_migration_changes", "Changed keys that the run has been told of.",
     &MigrationProgress::changes},
    {"slotless_migration_waiting_keys", "Changed keys that wait to be copied.",
     &MigrationProgress::waitingKeys},
    {"slotless_migration_lag_seconds", "How far the copy is behind, when it was last seen to be level.",
     &MigrationProgress::lagMillis, kMillisOfSecond},
    {"slotless_migration_source_latency_seconds", "How long the side that is copied from takes to answer.",
     &MigrationProgress::sourceLatencyMicros, kMicrosOfSecond},
    {"slotless_migration_walks", "Walks over all keys, or some slots, that the run has finished.",
     &MigrationProgress::walks},
    {"slotless_migration_feed_losses", "How often the run has lost a feed of changes.",
     &MigrationProgress::feedLosses},
    {"slotless_migration_last_update_timestamp_seconds",
     "When the run has said so, since 1970, by its machine's clock.", &MigrationProgress::updatedMillis,
     kMillisOfSecond},
};

void addMigrationGauge(Families& families, std::string_view name, std::string_view help, double value,
                       Labels labels = {}) {
  auto family = makeFamily(name, help, prometheus::MetricType::Gauge);
  addSample(family, value, std::move(labels));
  families.push_back(std::move(family));
}

}  // namespace

std::optional<MigrationProgress> readProgress(const RunFields& fields, bool atWork) {
  if (!fields.contains("identity")) return std::nullopt;
  MigrationProgress progress;
  progress.atWork = atWork;
  progress.toCluster = fieldIn(fields, "direction") != kBack;
  progress.caughtUp = atWork && fieldIn(fields, "caught_up") == "1";  // of one that was killed it stays
  progress.phase = fieldIn(fields, "phase");
  progress.source = fieldIn(fields, "source");
  progress.software = fieldIn(fields, "software");
  for (const MigrationNumber& each : kMigrationNumbers)
    progress.*each.member = numberIn(fields, each.field).value_or(0);
  progress.etaSeconds = numberIn(fields, "eta_seconds");
  return progress;
}

MigrationBoard& MigrationBoard::ofProcess() {
  static MigrationBoard board;
  return board;
}

void MigrationBoard::set(std::optional<MigrationProgress> progress) {
  const std::lock_guard guard(mutex_);
  progress_ = std::move(progress);
}

std::optional<MigrationProgress> MigrationBoard::get() const {
  const std::lock_guard guard(mutex_);
  return progress_;
}

void collectMigration(Families& families) {
  const auto progress = MigrationBoard::ofProcess().get();
  if (!progress) return;
  addMigrationGauge(families, "slotless_migration_at_work",
                    "Whether a run of slotless migrate is there: 1, or 0; in which direction it copies.",
                    progress->atWork ? 1 : 0,
                    {{"direction", progress->toCluster ? "to-cluster" : "to-server"}});
  addMigrationGauge(families, "slotless_migration_caught_up",
                    "Whether a cut-over would find the copy level: 1, or 0.", progress->caughtUp ? 1 : 0);
  if (progress->etaSeconds)
    addMigrationGauge(families, "slotless_migration_eta_seconds", "Until the walk is through, as it goes.",
                      static_cast<double>(*progress->etaSeconds));
  for (const MigrationGauge& each : kMigrationGauges)
    addMigrationGauge(families, each.name, each.help,
                      static_cast<double>((*progress).*each.member) / each.unit);
}

}  // namespace slotless::telemetry
