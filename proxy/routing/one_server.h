// Plans where one server has everything (upstream single): requests go there as they are. Pure.
#pragma once
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/slot.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

// All slots are the server's, and all keys are taken to be in this one: so nothing is ever split, and
// everything that a client sends is carried out in its order.
inline constexpr protocol::Slot kSlotOfAll = 0;

// False: it has to find the server even while that is busy with a script, or another one that is; the router
// makes such a plan.
bool planForOneServer(const protocol::CommandSpec& spec, Plan& plan);

}  // namespace slotless::routing
