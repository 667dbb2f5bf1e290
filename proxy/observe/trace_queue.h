// Traces of requests that are over, from the workers to the one thread that sends them. The workers never
// wait for room: what has none is dropped and counted. The lock is held for as long as a pointer is put in or
// some are taken out.
//
// Thread-safe.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/observe/request_trace.h"

namespace slotless::observe {

using RequestTracePtr = std::unique_ptr<const RequestTrace>;

class TraceQueue {
 public:
  // Some 2 MB.
  static constexpr std::size_t kMostSpans = 8192;
  // So many are sent at a time.
  static constexpr std::size_t kBatchSpans = 512;

  static TraceQueue& ofProcess();

  // Takes it, or drops and counts it.
  void offer(RequestTracePtr trace);
  // The oldest ones, up to kBatchSpans, but one at least if there is any. They count until they are settled.
  std::vector<RequestTracePtr> take();
  // So many spans of those that were taken are held no longer.
  void settle(std::size_t spans);
  // Whoever sends is told when there are enough for a batch, on the thread that brings the last of them; must
  // not take its time. nullptr: nobody.
  void setBell(std::function<void()> bell);
  // How many wait to be taken.
  std::size_t waitingSpans() const;

 private:
  void publish();

  mutable std::mutex mutex_;
  std::deque<RequestTracePtr> traces_;
  std::size_t waiting_ = 0;  // spans of these
  std::size_t taken_ = 0;    // spans that are not settled
  std::function<void()> bell_;
};

std::size_t spansOf(const std::vector<RequestTracePtr>& traces) noexcept;

}  // namespace slotless::observe
