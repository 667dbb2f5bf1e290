#include "proxy/observe/trace_queue.h"

#include <utility>

#include "proxy/telemetry/trace_counts.h"

namespace slotless::observe {

using telemetry::TraceCounts;
using telemetry::TraceDrop;

TraceQueue& TraceQueue::ofProcess() {
  static TraceQueue queue;
  return queue;
}

void TraceQueue::offer(RequestTracePtr trace) {
  const std::size_t spans = trace->spans();
  const std::lock_guard guard(mutex_);
  if (waiting_ + taken_ + spans > kMostSpans)
    return TraceCounts::ofProcess().addDropped(TraceDrop::Full, spans);
  const bool wasEnough = waiting_ >= kBatchSpans;
  traces_.push_back(std::move(trace));
  waiting_ += spans;
  publish();
  if (!wasEnough && waiting_ >= kBatchSpans && bell_) bell_();
}

std::vector<RequestTracePtr> TraceQueue::take() {
  std::vector<RequestTracePtr> batch;
  const std::lock_guard guard(mutex_);
  std::size_t spans = 0;
  while (!traces_.empty()) {
    const std::size_t more = traces_.front()->spans();
    if (!batch.empty() && spans + more > kBatchSpans) break;
    spans += more;
    batch.push_back(std::move(traces_.front()));
    traces_.pop_front();
  }
  waiting_ -= spans;
  taken_ += spans;
  return batch;
}

void TraceQueue::settle(std::size_t spans) {
  const std::lock_guard guard(mutex_);
  taken_ -= spans;
  publish();
}

void TraceQueue::setBell(std::function<void()> bell) {
  const std::lock_guard guard(mutex_);
  bell_ = std::move(bell);
}

std::size_t TraceQueue::waitingSpans() const {
  const std::lock_guard guard(mutex_);
  return waiting_;
}

void TraceQueue::publish() {
  TraceCounts::ofProcess().setWaiting(waiting_ + taken_);
}

std::size_t spansOf(const std::vector<RequestTracePtr>& traces) noexcept {
  std::size_t spans = 0;
  for (const RequestTracePtr& trace : traces) spans += trace->spans();
  return spans;
}

}  // namespace slotless::observe
