// LATENCY GRAPH and LATENCY DOCTOR: what a person reads.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "proxy/observe/latency_events.h"
#include "proxy/observe/sample.h"

namespace slotless::session {

// One column per sample, under each how long ago it was. Requires a sample.
std::string latencyGraphText(LatencyKind kind, const LatencySeries& series, std::int64_t nowUnix);

// `parts`: of all workers.
std::string latencyDoctorText(std::span<const AllLatencySeries> parts, net::Millis threshold);

// What is counted whether or not events are watched, since the start: the turns of the workers' loops, and
// how long the nodes take, by "host:port".
std::string latencyFiguresText(const observe::Buckets& turns,
                               const std::map<std::string, observe::NodeSample>& nodes);

}  // namespace slotless::session
