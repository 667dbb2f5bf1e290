// LATENCY of the proxy: per-command histograms. It keeps no events (a slow fork or a slow disk is a node's).
#pragma once
#include "proxy/session/local_commands.h"

namespace slotless::session {

void latencyDoctor(LocalCall& call);
void latencyGraph(LocalCall& call);
// From arrival to reply, by the bounds of the metrics, over all workers.
void latencyHistogram(LocalCall& call);
void latencyHistory(LocalCall& call);
void latencyLatest(LocalCall& call);
void latencyReset(LocalCall& call);

}  // namespace slotless::session
