// Notes whether a node has denied one of the questions of this room.
#pragma once
#include "proxy/net/loop.h"
#include "proxy/telemetry/denials.h"

struct redisReply;

namespace slotless::discovery {

// True: it has. `denials`: nullptr: it is noted nowhere.
bool noteIfDenied(telemetry::Denials* denials, telemetry::Deniable what, const net::Address& node,
                  const redisReply& reply, net::TimePoint now);

}  // namespace slotless::discovery
