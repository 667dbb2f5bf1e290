// LMPOP and ZMPOP over keys in several slots: one slot after the other is asked, from left to right, until
// one has something. Never more than one gives anything; what has become true of an earlier key meanwhile is
// not seen. Pure.
#pragma once
#include <memory>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

// False: not a command of that kind. Requires keys in more than one slot.
// `names`: makes the client's reply of a node's; nullptr: it is the node's. Taken if the answer is true.
bool planFirstOfSeveral(const protocol::CommandSpec& spec, protocol::Argv argv,
                        std::unique_ptr<Composer>& names, Plan& plan);

}  // namespace slotless::routing
