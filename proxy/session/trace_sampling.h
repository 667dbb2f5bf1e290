// Which requests are traced (trace-endpoint): of those without a traceparent one in trace-sample, by chance,
// chosen among the requests that are looked at anyway (key_sampling.h); of a client that has given one, all
// that it wants recorded, within a limit, and no others.
#pragma once
#include <cstdint>
#include <memory>

#include "config/config.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/net/loop.h"
#include "proxy/observe/request_trace.h"
#include "proxy/observe/trace_context.h"

namespace slotless::session {

// Of requests that are traced because their clients want it: a second and worker.
inline constexpr std::uint32_t kMostAskedTraces = 500;

// One of so many requests has to be looked at; 0: none.
std::uint64_t traceStep(const config::Config& config) noexcept;

// One of `every` requests has come here. True: it is to be traced. Requires a client without a traceparent.
bool isTraceNext(const config::Config& config, std::uint64_t every) noexcept;

// Whose traceparent is given: may this request be traced? Counts what is above the limit.
bool mayTraceAsked(const config::Config& config, const observe::TraceParent& parent,
                   net::TimePoint now) noexcept;

struct TraceSubject {
  const protocol::CommandSpec& spec;
  const databases::Database& database;
  std::uint64_t client;
  net::Address clientAddress;
  const observe::TraceParent* parent;  // nullptr: none
};
std::unique_ptr<observe::RequestTrace> beginTrace(const TraceSubject& subject, net::TimePoint now);

}  // namespace slotless::session
