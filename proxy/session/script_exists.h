// SCRIPT EXISTS: a script that the proxy can give to whichever node lacks it exists, as it does for EVALSHA.
#pragma once
#include "protocol/argv.h"
#include "proxy/routing/plan.h"
#include "proxy/session/services.h"

namespace slotless::session {

bool planScriptExists(Services& services, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
