// The commands that the proxy puts together itself out of what it asks nodes for: a table from name to plan.
#pragma once
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct Services;

// False: the command has no composition (or not with these arguments); the router makes the plan.
bool planComposition(Services& services, const protocol::CommandSpec& spec, protocol::Argv argv,
                     routing::Plan& plan);

}  // namespace slotless::session
