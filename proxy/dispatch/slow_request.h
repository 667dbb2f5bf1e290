// Puts a request that has just been answered into one of the logs: with its arguments, as its client has sent
// them. Mostly these are still on their link; where nodes get something else, Request::said has them.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/observe/slow_log.h"

namespace slotless::session {

class Leg;
struct SaidRequest;
struct Context;

// `leg`: the request's last one. What blocks has taken no time, as in Redis. Left out is what COMMAND flags
// skip_slowlog, except EXEC: a transaction stands there as its only command, or as EXEC with the number of
// commands.
// `amount`: microseconds or bytes.
void noteSlowRequest(Context& context, const Leg& leg, LogKind kind, std::int64_t amount);

// Of a request, as RESP, what the logs may show.
std::unique_ptr<const SaidRequest> rememberSaid(const Context& context, std::string_view request);

}  // namespace slotless::session
