// How many error replies each client has been given, until somebody who knows its user takes them: dispatch
// knows no users.
//
// Of the thread's clients, by their ids. Costs nothing but where a request fails.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace slotless::session {

class FailureTally {
 public:
  static void add(std::uint64_t client) { ++ofThread()[client]; }
  // And forgets them.
  static std::uint64_t take(std::uint64_t client) {
    auto& counts = ofThread();
    if (counts.empty()) return 0;
    const auto found = counts.find(client);
    if (found == counts.end()) return 0;
    const std::uint64_t count = found->second;
    counts.erase(found);
    return count;
  }
  static bool empty() noexcept { return ofThread().empty(); }

 private:
  using Counts = std::unordered_map<std::uint64_t, std::uint64_t>;
  static Counts& ofThread() noexcept {
    thread_local Counts counts;
    return counts;
  }
};

}  // namespace slotless::session
