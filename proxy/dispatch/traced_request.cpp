#include "proxy/dispatch/traced_request.h"

#include <chrono>
#include <memory>
#include <utility>

#include "protocol/error_code.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/request.h"
#include "proxy/observe/request_trace.h"
#include "proxy/observe/trace_queue.h"

namespace slotless::session {

using observe::RequestTrace;
using observe::TraceStage;

namespace {

constexpr std::string_view kGivenUp = "given up";

// What was between this leg and a node, until now.
TraceStage stageOnNode(const Context& context, const Leg& leg) {
  TraceStage stage;
  stage.begun = leg.sentAt;
  stage.ended = context.host.now;
  stage.node = leg.link->node();
  stage.peer = leg.link->peer();
  return stage;
}

void endTrace(const Context& context, Request& request) {
  // What a client has sent as a transaction; other commands have preludes of the proxy's own.
  if (request.preludes > 1 && request.spec->role == protocol::SessionRole::Exec)
    request.trace->commands = request.preludes - 1;
  traceAnswered(context, std::move(request.trace));
}

}  // namespace

void traceHeld(const Context& context, const Leg& leg, Trouble trouble) {
  RequestTrace& trace = *leg.request->trace;
  if (leg.link != nullptr) {
    trace.endHeld(&leg, leg.sentAt);
    TraceStage stage = stageOnNode(context, leg);
    stage.why = troubleName(trouble);
    stage.failed = true;
    trace.add(std::move(stage));
  } else {
    trace.endHeld(&leg, context.host.now);
  }
  TraceStage held;
  held.kind = TraceStage::Kind::Held;
  held.begun = context.host.now;
  held.why = troubleName(trouble);
  held.leg = &leg;
  trace.add(std::move(held));
}

void traceError(const Leg& leg, std::string_view line) {
  leg.request->trace->code = leg.request->trace->legCode = protocol::knownErrorCode(line);
}

void traceLegDone(const Context& context, const Leg& leg, bool failed) {
  RequestTrace& trace = *leg.request->trace;
  const std::string_view code = std::exchange(trace.legCode, {});
  if (leg.link == nullptr) return trace.endHeld(&leg, context.host.now);
  trace.endHeld(&leg, leg.sentAt);
  TraceStage stage = stageOnNode(context, leg);
  stage.failed = failed;
  stage.code = code;
  trace.add(std::move(stage));
}

void traceDone(const Context& context, Request& request, bool failed) {
  request.trace->failed = failed;
  if (!failed) request.trace->code = {};
  endTrace(context, request);
}

void traceAnswered(const Context& context, std::unique_ptr<RequestTrace> trace) {
  using namespace std::chrono;
  trace->ended = context.host.now;
  const auto wall = system_clock::now().time_since_epoch();
  trace->clockOffset = duration_cast<nanoseconds>(wall - context.host.loop.now().time_since_epoch()).count();
  observe::TraceQueue::ofProcess().offer(std::move(trace));
}

void traceAbandoned(const Context& context, Request& request) {
  RequestTrace& trace = *request.trace;
  for (std::size_t i = 0; i < request.legCount(); ++i) {
    const Leg& leg = request.leg(i);
    if (leg.link == nullptr) {
      trace.endHeld(&leg, context.host.now);
      continue;
    }
    trace.endHeld(&leg, leg.sentAt);
    TraceStage stage = stageOnNode(context, leg);
    stage.why = kGivenUp;
    stage.failed = true;
    trace.add(std::move(stage));
  }
  trace.failed = true;
  trace.why = kGivenUp;
  trace.code = {};
  endTrace(context, request);
}

}  // namespace slotless::session
