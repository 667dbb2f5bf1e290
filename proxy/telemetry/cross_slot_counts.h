// Commands over keys in several slots that the proxy has carried out in steps, counted for the process.
//
// One count for each command and way: as many as there are commands that servers know. It has a lock, since
// each of them costs several requests. What is only split by slot is not counted here, nor anything else that
// goes out as plain requests.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace slotless::telemetry {

class CrossSlotCounts {
 public:
  struct Count {
    std::string kind;
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;  // of the requests that the proxy has made for them
  };

  static CrossSlotCounts& ofProcess();

  void add(std::string_view command, std::string_view kind);
  // Of a command that has never been added they do not count: it is made of steps for another reason.
  void addBytes(std::string_view command, std::uint64_t bytes);
  // By command.
  std::map<std::string, Count, std::less<>> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Count, std::less<>> counts_;
};

}  // namespace slotless::telemetry
