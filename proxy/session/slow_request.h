// Puts a request that has just been answered into the slow log: with its arguments, as they are still on
// their link.
#pragma once
#include "proxy/net/loop.h"

namespace slotless::session {

class Leg;
struct Services;

// `leg`: the request's last one. What blocks has taken no time, as in Redis. Left out is what COMMAND flags
// skip_slowlog, except EXEC: a transaction stands there as its only command, or as EXEC with the number of
// commands.
void noteSlowRequest(Services& services, const Leg& leg, net::Micros duration);

}  // namespace slotless::session
