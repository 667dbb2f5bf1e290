#include "proxy/telemetry/process_stats.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace slotless::telemetry {
namespace {

// Fields of /proc/self/stat by their number in proc(5).
constexpr std::size_t kThreadsField = 20;
constexpr std::size_t kStartTicksField = 22;
constexpr std::size_t kVirtualBytesField = 23;
constexpr std::size_t kFieldsNeeded = 23;

// The fields from number 3 on: the second one is the program's name, which may contain spaces and
// parentheses.
std::vector<std::string> statFieldsFromThird() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t nameEnd = line.rfind(')');
  if (nameEnd == std::string::npos) return {};
  std::istringstream rest(line.substr(nameEnd + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::optional<std::uint64_t> bootUnixSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    std::uint64_t value = 0;
    if (words >> key >> value && key == "btime") return value;
  }
  return std::nullopt;
}

void readStatFile(ProcessStats& stats) {
  const std::vector<std::string> fields = statFieldsFromThird();
  if (fields.size() + 2 < kFieldsNeeded) return;
  const auto field = [&](std::size_t number) { return std::stoull(fields[number - 3]); };
  stats.threads = field(kThreadsField);
  stats.virtualBytes = field(kVirtualBytesField);
  if (const auto boot = bootUnixSeconds())
    stats.startUnixSeconds = static_cast<double>(*boot) + static_cast<double>(field(kStartTicksField)) /
                                                              static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Linux tells the number since 6.2 by the folder's size, which is 0 before.
std::optional<std::uint64_t> countOpenDescriptors() {
  struct stat folder {};
  if (stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
    return static_cast<std::uint64_t>(folder.st_size);
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  if (error) return std::nullopt;
  std::uint64_t count = 0;
  for (const std::filesystem::directory_iterator end; entry != end; entry.increment(error)) {
    if (error) return std::nullopt;
    ++count;
  }
  return count - 1;  // without the one that lists the folder
}

}  // namespace

// Pages: of the process, resident, and of these those of files and of shared memory, of which there is none.
std::optional<ResidentMemory> readResidentMemory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (!(file >> all >> resident >> shared)) return std::nullopt;
  const auto pageBytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return ResidentMemory{resident * pageBytes, shared * pageBytes};
}

ProcessStats readProcessStats() {
  ProcessStats stats;
  readStatFile(stats);
  if (const auto memory = readResidentMemory()) {
    stats.residentBytes = memory->bytes;
    stats.residentFileBytes = memory->fileBytes;
  }
  stats.openDescriptors = countOpenDescriptors();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.maxDescriptors = limit.rlim_cur;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    stats.cpuSeconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  return stats;
}

}  // namespace slotless::telemetry
