#include "proxy/session/trace_sampling.h"

#include <chrono>
#include <utility>

#include "proxy/telemetry/trace_counts.h"

namespace slotless::session {

using observe::RequestTrace;
using observe::TraceParent;

namespace {

// Of one worker.
struct AskedTraces {
  net::TimePoint second{};  // when it began
  std::uint32_t count = 0;
};

constexpr std::chrono::seconds kSecond{1};

}  // namespace

std::uint64_t traceStep(const config::Config& config) noexcept {
  return config.traceEndpoint.empty() ? 0 : config.traceSample;
}

bool isTraceNext(const config::Config& config, std::uint64_t every) noexcept {
  const std::uint64_t step = traceStep(config);
  if (step == 0) return false;
  // What has been passed over since the last one.
  thread_local std::uint64_t passed = 0;
  passed += every;
  if (passed < step) return false;
  passed -= step;
  // Behind a change to fewer: what had been passed over until then must not come in a row.
  if (passed >= step) passed = 0;
  return true;
}

bool mayTraceAsked(const config::Config& config, const TraceParent& parent, net::TimePoint now) noexcept {
  if (config.traceEndpoint.empty() || !parent.sampled) return false;
  thread_local AskedTraces asked;
  if (now < asked.second || now - asked.second >= kSecond) asked = {now, 0};
  if (asked.count >= kMostAskedTraces) {
    telemetry::TraceCounts::ofProcess().addDropped(telemetry::TraceDrop::Rate, 1);
    return false;
  }
  ++asked.count;
  return true;
}

std::unique_ptr<RequestTrace> beginTrace(const TraceSubject& subject, net::TimePoint now) {
  auto trace = std::make_unique<RequestTrace>();
  trace->trace = subject.parent != nullptr ? subject.parent->trace : observe::newTraceId();
  trace->span = observe::newSpanId();
  if (subject.parent != nullptr) trace->parent = subject.parent->span;
  trace->client = subject.client;
  trace->clientAddress = subject.clientAddress;
  trace->command = subject.spec.name;
  trace->database = subject.database.index;
  trace->begun = now;
  return trace;
}

}  // namespace slotless::session
