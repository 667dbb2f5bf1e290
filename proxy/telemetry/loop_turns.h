// How long the turns of the workers' loops last, counted always: while one client's work goes on, all others
// of its loop wait.
//
// A pair of histograms for each thread that runs a loop, written by that thread only and kept until the
// process ends: a sum that falls would look like a restart to Prometheus. allTurns() may be called on any
// thread.
#pragma once
#include <chrono>
#include <vector>

#include "proxy/telemetry/worker_metrics.h"

namespace slotless::telemetry {

struct LoopTurns {
  LatencyHistogram lengths;
  LatencyHistogram cpu;  // the same without the time in which others ran in its place, see TurnCpu
};

// Of the loop that the calling thread runs.
LoopTurns& turnsOfThisThread();
// Of all threads that have asked for theirs.
std::vector<const LoopTurns*> allTurns();

// A turn of the calling thread's loop is over; from its first event to its end.
void noteTurn(std::chrono::microseconds length, std::chrono::steady_clock::time_point end);

}  // namespace slotless::telemetry
