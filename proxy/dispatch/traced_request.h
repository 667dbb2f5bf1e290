// What a sampled request's trace (Request::trace) is told of its legs: from the same facts that the slow log
// has, at the places where they change. All require that there is a trace; who has none pays for one look.
#pragma once
#include <memory>
#include <string_view>

#include "proxy/dispatch/failure_table.h"
#include "proxy/observe/request_trace.h"

namespace slotless::session {

class Leg;
class Request;
struct Context;

// It is about to be held: what it was doing is over by that.
void traceHeld(const Context& context, const Leg& leg, Trouble trouble);
// It is about to fail with that line, which the client gets.
void traceError(const Leg& leg, std::string_view line);
// It is over, and its link still known if it was on one.
void traceLegDone(const Context& context, const Leg& leg, bool failed);
// The request is over: the trace goes into the queue.
void traceDone(const Context& context, Request& request, bool failed);
// The proxy has answered at once, and there was no request for it.
void traceAnswered(const Context& context, std::unique_ptr<observe::RequestTrace> trace);
// Its client has left.
void traceAbandoned(const Context& context, Request& request);

}  // namespace slotless::session
