// LATENCY GRAPH and LATENCY DOCTOR: what a person reads.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "proxy/observe/latency_events.h"

namespace slotless::session {

// One column per sample, under each how long ago it was. Requires a sample.
std::string latencyGraphText(LatencyKind kind, const LatencySeries& series, std::int64_t nowUnix);

// `parts`: of all workers.
std::string latencyDoctorText(std::span<const AllLatencySeries> parts, net::Millis threshold);

}  // namespace slotless::session
