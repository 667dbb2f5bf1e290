// What the kernel says of this process, for the process_* metrics. Linux only; see proc(5) and getrusage(2).
#pragma once
#include <cstdint>
#include <optional>

namespace slotless::telemetry {

struct ResidentMemory {
  std::uint64_t bytes = 0;
  std::uint64_t fileBytes = 0;  // of these, code and other mapped files
};

// A fact that could not be read (no /proc, no descriptor left) is empty, never a made-up zero.
struct ProcessStats {
  std::optional<std::uint64_t> residentBytes;
  std::optional<std::uint64_t> residentFileBytes;  // of these, code and other mapped files
  std::optional<std::uint64_t> virtualBytes;
  std::optional<std::uint64_t> openDescriptors;
  std::optional<std::uint64_t> maxDescriptors;
  std::optional<std::uint64_t> threads;
  std::optional<double> cpuSeconds;        // user and system
  std::optional<double> startUnixSeconds;  // to a hundredth
};

// Takes time that grows with the descriptors that are open: not on a worker.
ProcessStats readProcessStats();
// One short line of the kernel's: at a price that never grows, so for workers too.
std::optional<ResidentMemory> readResidentMemory();

}  // namespace slotless::telemetry
