#include "proxy/observe/shadow_queue.h"

#include <utility>

#include "proxy/telemetry/shadow_counts.h"

namespace slotless::observe {

using telemetry::ShadowCounts;
using telemetry::ShadowDrop;

std::size_t ShadowSample::bytes() const noexcept {
  std::size_t sum = sizeof(ShadowSample) + command.size() + keys.size() * sizeof(std::uint32_t);
  for (const std::string& word : words) sum += sizeof(std::string) + word.size();
  return sum;
}

ShadowQueue& ShadowQueue::ofProcess() {
  static ShadowQueue queue;
  return queue;
}

void ShadowQueue::offer(ShadowSample sample) {
  ShadowCounts& counts = ShadowCounts::ofProcess();
  counts.addSampled();
  const std::size_t bytes = sample.bytes();
  bool wasEmpty = false;
  {
    const std::lock_guard guard(mutex_);
    if (held_ >= kMostSamples || bytes_ + bytes > kMostBytes) return counts.addDropped(ShadowDrop::Full);
    wasEmpty = samples_.empty();
    samples_.push_back(std::move(sample));
    ++held_;
    bytes_ += bytes;
    counts.setWaiting(bytes_);
  }
  if (wasEmpty) arrived_.notify_one();
}

std::optional<ShadowSample> ShadowQueue::take(std::chrono::milliseconds patience) {
  std::unique_lock guard(mutex_);
  arrived_.wait_for(guard, patience, [this] { return woken_ || !samples_.empty(); });
  woken_ = false;
  if (samples_.empty()) return std::nullopt;
  ShadowSample sample = std::move(samples_.front());
  samples_.pop_front();
  return sample;
}

void ShadowQueue::settle(const ShadowSample& sample) {
  const std::lock_guard guard(mutex_);
  --held_;
  bytes_ -= sample.bytes();
  ShadowCounts::ofProcess().setWaiting(bytes_);
}

void ShadowQueue::wake() {
  const std::lock_guard guard(mutex_);
  woken_ = true;
  arrived_.notify_one();
}

}  // namespace slotless::observe
