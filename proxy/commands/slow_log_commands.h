// SLOWLOG and COMMANDLOG over all workers. Source of shapes and texts: redis.io/commands/slowlog-get,
// valkey.io/commands/commandlog-get.
#pragma once
#include "proxy/commands/local_commands.h"
#include "proxy/commands/setting_changes.h"
#include "proxy/observe/slow_log.h"
#include "proxy/routing/config_merge.h"

namespace slotless::session {

void slowLogGet(LocalCall& call);
void slowLogLen(LocalCall& call);
void slowLogReset(LocalCall& call);
void commandLogGet(LocalCall& call);
void commandLogLen(LocalCall& call);
void commandLogReset(LocalCall& call);
// PROXY SLOWLOG [count]: the same entries with two more fields, the node and the microseconds spent there.
void consoleSlowLog(LocalCall& call);
// What CONFIG GET shows of these logs.
void addSlowLogSettings(const SlowLog& log, routing::OwnSettings& own);
// Their settings among those of a CONFIG SET: the proxy's own logs follow them.
void followSlowLogSettings(Services& services, const SettingPairs& settings);

}  // namespace slotless::session
