// CONFIG GET and CONFIG SET for all servers together: CONFIG GET shows the nodes' settings, but the proxy's
// own where a client means the server that it is connected to.
#pragma once
#include "protocol/argv.h"
#include "proxy/routing/plan.h"
#include "proxy/session/services.h"

namespace slotless::session {

bool planConfigGet(Services& services, protocol::Argv argv, routing::Plan& plan);
// Refuses what would take the nodes out of the proxy's reach; everything else goes its usual way.
bool planConfigSet(Services& services, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
