// LATENCY of the proxy: histograms of its commands, and its own events (see latency_events.h; a slow fork or
// a slow disk is a node's).
#pragma once
#include "proxy/commands/local_commands.h"
#include "proxy/commands/setting_changes.h"

namespace slotless::session {

void latencyDoctor(LocalCall& call);
void latencyGraph(LocalCall& call);
// From arrival to reply, by the bounds of the metrics, over all workers.
void latencyHistogram(LocalCall& call);
void latencyHistory(LocalCall& call);
void latencyLatest(LocalCall& call);
void latencyReset(LocalCall& call);

// The LATENCY setting among those of a CONFIG SET: the proxy's own events follow it.
void followLatencySettings(Services& services, const SettingPairs& settings);

}  // namespace slotless::session
