// INFO as one standalone master gives it: the nodes' figures together, and the proxy's own where a client
// means the server that it is connected to.
#pragma once
#include <string>
#include <string_view>

#include "protocol/argv.h"
#include "proxy/emulation/plan_context.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

// The servers' version; "7.0.0" as long as none is known.
std::string_view serverVersion(const PlanContext& context);
// Asks every master that can be reached; the others are missing from the sums: INFO must answer while one is
// down.
bool planInfo(PlanContext& context, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
