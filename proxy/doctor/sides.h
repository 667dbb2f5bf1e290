// What the proxy's requests go to, or may go to: a cluster, one server, or (upstream migrating) both.
#pragma once
#include <vector>

#include "proxy/doctor/gather.h"

namespace slotless::doctor {

// With upstream migrating the server counts until the cut-over, and comes first. Blocks, as gather().
std::vector<Facts> gatherSides(const config::Config& config, const GatherOptions& options);

}  // namespace slotless::doctor
