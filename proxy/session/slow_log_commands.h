// SLOWLOG over all workers. Source of shapes and texts: redis.io/commands/slowlog-get.
#pragma once
#include "proxy/session/local_commands.h"
#include "proxy/session/setting_changes.h"

namespace slotless::session {

void slowLogGet(LocalCall& call);
void slowLogLen(LocalCall& call);
void slowLogReset(LocalCall& call);
// PROXY SLOWLOG [count]: the same entries with two more fields, the node and the microseconds spent there.
void consoleSlowLog(LocalCall& call);
// The SLOWLOG settings among those of a CONFIG SET: the proxy's own log follows them.
void followSlowLogSettings(Services& services, const SettingPairs& settings);

}  // namespace slotless::session
