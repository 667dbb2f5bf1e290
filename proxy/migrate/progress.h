// What has been done so far, counted by all threads; and why it cannot go on.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace slotless::migrate {

struct Counts {
  std::atomic<std::uint64_t> keys{0};      // copied, as often as they were
  std::atomic<std::uint64_t> bytes{0};     // as the servers write them, or hold them where they are large
  std::atomic<std::uint64_t> deleted{0};   // on the target
  std::atomic<std::uint64_t> inPieces{0};  // of the keys
  std::atomic<std::uint64_t> changes{0};   // names that the feed has told
  std::atomic<std::uint64_t> feedLosses{0};
  std::atomic<std::uint64_t> walks{0};  // that have been finished
  std::atomic<std::uint64_t> refusedNames{0};
};

// The first reason counts. Thread-safe.
class Failure {
 public:
  void set(std::string reason) {
    const std::lock_guard lock(mutex_);
    if (reason_.empty()) reason_ = std::move(reason);
    happened_ = true;
  }
  bool happened() const noexcept { return happened_; }
  std::string reason() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  mutable std::mutex mutex_;
  std::string reason_;
  std::atomic<bool> happened_{false};
};

}  // namespace slotless::migrate
