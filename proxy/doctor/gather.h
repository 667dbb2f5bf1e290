// Asks the nodes of a cluster, and this machine, for all that the checks look at. Nothing is changed: what is
// tried to see whether it is allowed does nothing.
//
// Blocks; the nodes are asked side by side. Errors are facts.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/doctor/facts.h"

namespace slotless::doctor {

struct GatherOptions {
  std::uint64_t sampleKeys = 1000;  // of each master
  std::string procFolder = "/proc";
  std::chrono::milliseconds connectTimeout{2000};
  std::chrono::milliseconds replyTimeout{3000};
};

Facts gather(const config::Config& config, const GatherOptions& options);

}  // namespace slotless::doctor
