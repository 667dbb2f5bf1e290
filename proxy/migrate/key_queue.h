// What one of the copying threads is to look at: keys that a walk has found, and names that have changed.
//
// A key always belongs to the same thread, so that an older value never comes after a newer one. Walks wait
// for room; a name that has changed is there once, however often it changes until it is taken. Thread-safe.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "proxy/migrate/naming.h"

namespace slotless::migrate {

class KeyQueue {
 public:
  using Clock = std::chrono::steady_clock;

  // False: there are too many of them, and all have been dropped.
  bool addChanged(Key key);
  // Waits for room; not at all if the queue is closed.
  void addFound(Key key);

  struct Batch {
    std::vector<Key> changed;
    std::vector<Key> found;

    bool empty() const noexcept { return changed.empty() && found.empty(); }
  };
  // Up to so many of each; waits a moment for them. done() says that they have been dealt with.
  Batch take(std::size_t most);
  void done();

  // Since when the oldest name waits, or is being dealt with.
  std::optional<Clock::time_point> oldestChange() const;
  // Nothing that a walk has found waits, or is being dealt with.
  bool walked() const;
  std::size_t changedCount() const;
  // Something that has been given out is being dealt with.
  bool isAtWork() const;
  // Nothing is given out any more, or again.
  void freeze(bool frozen);
  void close();

 private:
  static constexpr std::size_t kMostFound = 4096;
  static constexpr std::size_t kMostChanged = 2'000'000;

  struct Change {
    Key key;
    Clock::time_point since;
  };

  mutable std::mutex mutex_;
  std::condition_variable hasWork_;
  std::condition_variable hasRoom_;
  std::deque<Change> changed_;
  std::unordered_set<Key, KeyHash> waiting_;
  std::deque<Key> found_;
  std::optional<Clock::time_point> takenSince_;
  bool foundIsTaken_ = false;
  bool frozen_ = false;
  bool closed_ = false;
};

}  // namespace slotless::migrate
