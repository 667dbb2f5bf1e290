// Where slotless migrate stands, which is a process of its own: as it keeps that in the cluster, and as this
// process has read it last. For /metrics and the status page.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace slotless::telemetry {

struct MigrationProgress {
  bool atWork = false;  // a run is there
  bool toCluster = true;
  bool caughtUp = false;
  std::string phase;  // "walking", "following", "caught up"
  std::string source;
  std::string software;
  std::uint64_t startedMillis = 0;  // since 1970, as all points in time; by the clock of the run's machine
  std::uint64_t updatedMillis = 0;
  std::uint64_t database = 0;  // that is walked
  std::uint64_t walkedKeys = 0;
  std::uint64_t expectedKeys = 0;
  std::uint64_t copiedKeys = 0;  // by this run
  std::uint64_t copiedBytes = 0;
  std::uint64_t deletedKeys = 0;
  std::uint64_t changes = 0;  // that it has been told of
  std::uint64_t waitingKeys = 0;
  std::uint64_t lagMillis = 0;
  std::uint64_t sourceLatencyMicros = 0;
  std::uint64_t keysPerSecond = 0;
  std::uint64_t bytesPerSecond = 0;
  std::optional<std::uint64_t> etaSeconds;  // of the walk
  std::uint64_t walks = 0;
  std::uint64_t feedLosses = 0;
};

// The fields as the run writes them (proxy/migrate/journal.h); what an older one does not write is 0.
// nullopt: there is no migration.
std::optional<MigrationProgress> readProgress(const std::map<std::string, std::string>& fields, bool atWork);

// What was read last. Thread-safe.
class MigrationBoard {
 public:
  static MigrationBoard& ofProcess();

  void set(std::optional<MigrationProgress> progress);
  std::optional<MigrationProgress> get() const;

 private:
  mutable std::mutex mutex_;
  std::optional<MigrationProgress> progress_;
};

}  // namespace slotless::telemetry
