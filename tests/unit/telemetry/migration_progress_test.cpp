// Where a migration stands, as the run writes it, and as the metrics show it.
#include "proxy/telemetry/migration_progress.h"

#include <map>
#include <string>

#include "catch.h"
#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {
namespace {

using RunFields = std::map<std::string, std::string>;

const RunFields kRun{{"identity", "redis://old:6379 …"},
                     {"source", "redis://old:6379"},
                     {"software", "Redis 7.0.15"},
                     {"direction", "to the cluster"},
                     {"phase", "walking"},
                     {"caught_up", "0"},
                     {"started_ms", "1000"},
                     {"updated_ms", "2500"},
                     {"database", "3"},
                     {"walked", "10"},
                     {"expected", "40"},
                     {"keys", "11"},
                     {"bytes", "1200"},
                     {"deleted", "2"},
                     {"changes", "5"},
                     {"waiting", "4"},
                     {"lag_ms", "250"},
                     {"source_latency_us", "1500"},
                     {"keys_per_second", "7"},
                     {"bytes_per_second", "800"},
                     {"eta_seconds", "30"},
                     {"walks", "1"},
                     {"feed_losses", "6"}};

std::map<std::string, double> gauges() {
  Families families;
  collectMigration(families);
  std::map<std::string, double> found;
  for (const auto& family : families) found[family.name] = family.metric.at(0).gauge.value;
  return found;
}

struct Board {
  ~Board() { MigrationBoard::ofProcess().set(std::nullopt); }
};

TEST_CASE("what a run writes is read field by field") {
  const auto read = readProgress(kRun, true);
  REQUIRE(read);
  CHECK(read->atWork);
  CHECK(read->toCluster);
  CHECK_FALSE(read->caughtUp);
  CHECK(read->phase == "walking");
  CHECK(read->source == "redis://old:6379");
  CHECK(read->software == "Redis 7.0.15");
  CHECK(read->startedMillis == 1000);
  CHECK(read->updatedMillis == 2500);
  CHECK(read->database == 3);
  CHECK(read->walkedKeys == 10);
  CHECK(read->expectedKeys == 40);
  CHECK(read->copiedKeys == 11);
  CHECK(read->copiedBytes == 1200);
  CHECK(read->deletedKeys == 2);
  CHECK(read->changes == 5);
  CHECK(read->waitingKeys == 4);
  CHECK(read->lagMillis == 250);
  CHECK(read->sourceLatencyMicros == 1500);
  CHECK(read->keysPerSecond == 7);
  CHECK(read->bytesPerSecond == 800);
  CHECK(read->etaSeconds == 30U);
  CHECK(read->walks == 1);
  CHECK(read->feedLosses == 6);
}

TEST_CASE("without a migration there is nothing, whatever else stands there") {
  CHECK_FALSE(readProgress({}, false));
  CHECK_FALSE(readProgress({{"abort", "1"}, {"phase", "walking"}}, true));
}

TEST_CASE("what an older run does not write, or what is no number, is not known") {
  const auto read =
      readProgress({{"identity", "x"}, {"keys", "many"}, {"walked", "1x"}, {"eta_seconds", "-1"}}, false);
  REQUIRE(read);
  CHECK_FALSE(read->atWork);
  CHECK(read->toCluster);
  CHECK(read->copiedKeys == 0);
  CHECK(read->walkedKeys == 0);
  CHECK_FALSE(read->etaSeconds);
  RunFields back = kRun;
  back["direction"] = "back to the server";
  back["caught_up"] = "1";
  CHECK_FALSE(readProgress(back, true)->toCluster);
  CHECK(readProgress(back, true)->caughtUp);
  CHECK_FALSE(readProgress(back, false)->caughtUp);
}

TEST_CASE("the metrics show a migration while there is one, in base units") {
  const Board cleared;
  CHECK(gauges().empty());
  MigrationBoard::ofProcess().set(readProgress(kRun, true));
  const auto found = gauges();
  CHECK(found.at("slotless_migration_at_work") == 1);
  CHECK(found.at("slotless_migration_caught_up") == 0);
  CHECK(found.at("slotless_migration_eta_seconds") == 30);
  CHECK(found.at("slotless_migration_walked_keys") == 10);
  CHECK(found.at("slotless_migration_lag_seconds") == 0.25);
  CHECK(found.at("slotless_migration_source_latency_seconds") == 0.0015);
  CHECK(found.at("slotless_migration_last_update_timestamp_seconds") == 2.5);
  CHECK(found.size() == 15);
  RunFields other = kRun;
  other["eta_seconds"] = "-1";
  MigrationBoard::ofProcess().set(readProgress(other, false));
  CHECK(gauges().at("slotless_migration_at_work") == 0);
  CHECK_FALSE(gauges().contains("slotless_migration_eta_seconds"));
  MigrationBoard::ofProcess().set(std::nullopt);
  CHECK(gauges().empty());
}

TEST_CASE("the way in which a run copies is a label") {
  const Board cleared;
  for (const bool back : {false, true}) {
    RunFields fields = kRun;
    if (back) fields["direction"] = "back to the server";
    MigrationBoard::ofProcess().set(readProgress(fields, true));
    Families families;
    collectMigration(families);
    CHECK(families.at(0).metric.at(0).label.at(0).value == (back ? "to-server" : "to-cluster"));
  }
}

}  // namespace
}  // namespace slotless::telemetry
