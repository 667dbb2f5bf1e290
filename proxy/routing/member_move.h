// SMOVE between sets in different slots: the member is added at its destination and removed where it was. In
// between it is in both; if it was taken away meanwhile, it is removed from its destination again. A member
// that is at its destination already is looked for some times more, since that may be about to change. Pure.
#pragma once
#include "protocol/argv.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

void planMemberMove(protocol::Argv argv, Plan& plan);

}  // namespace slotless::routing
