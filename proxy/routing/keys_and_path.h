// JSON.MGET over keys in several slots: each slot gets its keys, and the path, which follows the last key.
// Pure.
#pragma once
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

// False: not a command of that kind. Requires keys in more than one slot.
bool planKeysAndPath(const protocol::CommandSpec& spec, protocol::Argv argv, Plan& plan);

}  // namespace slotless::routing
