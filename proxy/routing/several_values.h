// MSETNX and MSETEX over keys in several slots.
//
// All or none, as far as that can be: whether the keys are there is asked first. "Only if none is there" then
// begins with one slot, which decides between two that want the same, and goes on with the others; if a key
// has come meanwhile, what has been set is deleted again, if it is still the same. Pure.
#pragma once
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

// False: not a command of that kind, or with words that are not known. Requires keys in more than one slot.
bool planSeveralValues(const protocol::CommandSpec& spec, protocol::Argv argv, Plan& plan);

}  // namespace slotless::routing
