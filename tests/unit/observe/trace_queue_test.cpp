#include "proxy/observe/trace_queue.h"

#include <memory>
#include <string>

#include "catch.h"
#include "proxy/telemetry/trace_counts.h"

namespace slotless::observe {
namespace {

using telemetry::TraceCounts;
using telemetry::TraceDrop;

RequestTracePtr traceOf(const std::string& command, std::size_t stages = 0) {
  auto trace = std::make_unique<RequestTrace>();
  trace->command = command;
  for (std::size_t i = 0; i < stages; ++i) trace->add({});
  return trace;
}

std::uint64_t full() {
  return TraceCounts::ofProcess().dropped(TraceDrop::Full);
}

TEST_CASE("traces come out as they went in, so many spans at a time") {
  TraceQueue queue;
  CHECK(queue.take().empty());
  queue.offer(traceOf("first", 9));
  for (std::size_t i = 0; i < TraceQueue::kBatchSpans - 10; ++i) queue.offer(traceOf("get"));
  queue.offer(traceOf("last", 1));
  CHECK(queue.waitingSpans() == TraceQueue::kBatchSpans + 2);
  const auto batch = queue.take();
  CHECK(spansOf(batch) == TraceQueue::kBatchSpans);
  CHECK(batch.front()->command == "first");
  CHECK(batch.back()->command == "get");
  const auto rest = queue.take();
  REQUIRE(rest.size() == 1);
  CHECK(rest.front()->command == "last");
  CHECK(queue.waitingSpans() == 0);
}

TEST_CASE("traces that have no room are dropped and counted, also while others are being sent") {
  TraceQueue queue;
  const auto before = full();
  for (std::size_t i = 0; i < TraceQueue::kMostSpans / 2; ++i) queue.offer(traceOf("get", 1));
  CHECK(full() == before);
  CHECK(TraceCounts::ofProcess().waiting() == TraceQueue::kMostSpans);
  queue.offer(traceOf("get"));
  CHECK(full() == before + 1);
  const auto batch = queue.take();
  queue.offer(traceOf("get", 2));
  CHECK(full() == before + 4);
  queue.settle(spansOf(batch));
  CHECK(TraceCounts::ofProcess().waiting() == TraceQueue::kMostSpans - TraceQueue::kBatchSpans);
  queue.offer(traceOf("get", 2));
  CHECK(full() == before + 4);
}

TEST_CASE("who sends is told once when there is enough for a batch") {
  TraceQueue queue;
  int rings = 0;
  queue.setBell([&] { ++rings; });
  for (std::size_t i = 0; i < TraceQueue::kBatchSpans - 1; ++i) queue.offer(traceOf("get"));
  CHECK(rings == 0);
  queue.offer(traceOf("get"));
  queue.offer(traceOf("get"));
  CHECK(rings == 1);
  static_cast<void>(queue.take());
  for (std::size_t i = 0; i < TraceQueue::kBatchSpans; ++i) queue.offer(traceOf("get"));
  CHECK(rings == 2);
  static_cast<void>(queue.take());
  queue.setBell(nullptr);
  for (std::size_t i = 0; i < TraceQueue::kBatchSpans; ++i) queue.offer(traceOf("get"));
  CHECK(rings == 2);
}

TEST_CASE("a trace keeps so many stages, and counts the others") {
  RequestTrace trace;
  for (std::size_t i = 0; i < RequestTrace::kMostStages + 3; ++i) trace.add({});
  CHECK(trace.stages.size() == RequestTrace::kMostStages);
  CHECK(trace.stagesLeftOut == 3);
  CHECK(trace.spans() == RequestTrace::kMostStages + 1);
}

TEST_CASE("what a leg waited for is over when it is sent, and of other legs it is not") {
  RequestTrace trace;
  const int one = 0;
  const int other = 0;
  trace.add({.kind = TraceStage::Kind::Held, .leg = &one});
  trace.add({.kind = TraceStage::Kind::Held, .leg = &other});
  const net::TimePoint sent{std::chrono::seconds(5)};
  trace.endHeld(&one, sent);
  CHECK(trace.stages[0].ended == sent);
  CHECK(trace.stages[0].leg == nullptr);
  CHECK(trace.stages[1].leg == &other);
  trace.endHeld(&one, sent + std::chrono::seconds(1));
  CHECK(trace.stages[0].ended == sent);
  trace.add({.kind = TraceStage::Kind::Held, .begun = sent, .leg = &one});
  trace.endHeld(&one, sent);
  CHECK(trace.stages.size() == 2);
}

}  // namespace
}  // namespace slotless::observe
