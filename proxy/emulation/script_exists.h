// SCRIPT EXISTS: a script that the proxy can give to whichever node lacks it exists, as it does for EVALSHA.
#pragma once
#include "protocol/argv.h"
#include "proxy/emulation/plan_context.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

bool planScriptExists(PlanContext& context, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
