#include "proxy/migrate/key_queue.h"

#include <utility>

namespace slotless::migrate {

namespace {

constexpr std::chrono::milliseconds kMoment{50};

}  // namespace

bool KeyQueue::addChanged(Key key) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostChanged) {
      waiting_.clear();
      changed_.clear();
      return false;
    }
    if (!waiting_.insert(key).second) return true;
    changed_.push_back({std::move(key), Clock::now()});
  }
  hasWork_.notify_one();
  return true;
}

void KeyQueue::addFound(Key key) {
  {
    std::unique_lock lock(mutex_);
    hasRoom_.wait(lock, [&] { return closed_ || found_.size() < kMostFound; });
    if (closed_) return;
    found_.push_back(std::move(key));
  }
  hasWork_.notify_one();
}

KeyQueue::Batch KeyQueue::take(std::size_t most) {
  Batch batch;
  std::unique_lock lock(mutex_);
  hasWork_.wait_for(lock, kMoment,
                    [&] { return closed_ || (!frozen_ && (!changed_.empty() || !found_.empty())); });
  if (frozen_) return batch;
  if (!changed_.empty()) takenSince_ = changed_.front().since;
  while (!changed_.empty() && batch.changed.size() < most) {
    waiting_.erase(changed_.front().key);
    batch.changed.push_back(std::move(changed_.front().key));
    changed_.pop_front();
  }
  while (!found_.empty() && batch.found.size() < most) {
    batch.found.push_back(std::move(found_.front()));
    found_.pop_front();
  }
  foundIsTaken_ = !batch.found.empty();
  lock.unlock();
  hasRoom_.notify_one();
  return batch;
}

void KeyQueue::done() {
  const std::lock_guard lock(mutex_);
  takenSince_.reset();
  foundIsTaken_ = false;
}

std::optional<KeyQueue::Clock::time_point> KeyQueue::oldestChange() const {
  const std::lock_guard lock(mutex_);
  if (takenSince_) return takenSince_;
  if (changed_.empty()) return std::nullopt;
  return changed_.front().since;
}

bool KeyQueue::walked() const {
  const std::lock_guard lock(mutex_);
  return found_.empty() && !foundIsTaken_;
}

std::size_t KeyQueue::changedCount() const {
  const std::lock_guard lock(mutex_);
  return changed_.size();
}

bool KeyQueue::isAtWork() const {
  const std::lock_guard lock(mutex_);
  return takenSince_.has_value() || foundIsTaken_;
}

void KeyQueue::freeze(bool frozen) {
  {
    const std::lock_guard lock(mutex_);
    frozen_ = frozen;
  }
  hasWork_.notify_all();
}

void KeyQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  hasWork_.notify_all();
  hasRoom_.notify_all();
}

}  // namespace slotless::migrate
