// Scripts that are flagged no-cluster, in databases whose scripts are sent as they are: nodes get them
// without the flag, and so by another SHA1.
//
// Shared by all workers, safe on any thread. Costs nothing before the first such script comes by.
#pragma once
#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/session/command.h"
#include "proxy/session/script_cache.h"

namespace slotless::session {

struct Services;

class ClusterlessScripts {
 public:
  static ClusterlessScripts& ofProcess();

  bool any() const noexcept { return any_.load(std::memory_order_relaxed); }
  // A script has come by. `cache`: is to know what nodes get in its place.
  void note(std::string_view script, ScriptCache& cache);
  // The SHA1 of what nodes get for it; nullopt: the same.
  std::optional<std::string> sentFor(std::string_view sha) const;
  // An error's text names the script that has run: here as the client knows it.
  std::string asSaid(std::string_view error) const;

 private:
  // A guard against endless series of different scripts.
  static constexpr std::size_t kMostScripts = 4096;

  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::string> sent_;  // by what clients say, in lower case
  std::unordered_map<std::string, std::string> said_;  // the other way round
};

// Puts what nodes get in the place of a script in `command`, if that is another one.
void translateClusterless(Services& services, Command& command);

}  // namespace slotless::session
