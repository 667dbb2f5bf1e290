// How long the turns of the workers' loops last, counted always: while one client's work goes on, all others
// of its loop wait.
//
// One histogram for each thread that runs a loop, written by that thread only and kept until the process
// ends: a sum that falls would look like a restart to Prometheus. allTurns() may be called on any thread.
#pragma once
#include <chrono>
#include <vector>

#include "proxy/telemetry/worker_metrics.h"

namespace slotless::telemetry {

// Of the loop that the calling thread runs.
LatencyHistogram& turnsOfThisThread();
// Of all threads that have asked for theirs.
std::vector<const LatencyHistogram*> allTurns();

// A turn of the calling thread's loop is over; from its first event to its end.
inline void noteTurn(std::chrono::microseconds length) {
  thread_local LatencyHistogram& turns = turnsOfThisThread();
  turns.record(length);
}

}  // namespace slotless::telemetry
