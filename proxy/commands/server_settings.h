// CONFIG GET for all servers together: it shows the nodes' settings, but the proxy's own where a client means
// the server that it is connected to.
#pragma once
#include "protocol/argv.h"
#include "proxy/routing/plan.h"
#include "proxy/session/services.h"

namespace slotless::session {

bool planConfigGet(Services& services, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
