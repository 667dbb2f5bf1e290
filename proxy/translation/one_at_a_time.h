// Commands in stages that would meet each other at a key, where each would undo or double what the other one
// does: of those of this process one begins when the one before is over.
//
// Who waits looks again after a pause that grows from one to fifty milliseconds; after hold-timeout it goes
// on all the same, as against commands of other processes. Ownership: what is claimed is free again when the
// request is over.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "proxy/dispatch/context.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

// `keys`: whatever tells keys apart over all databases. `begin`: makes the first stage, which only reads, and
// its composer; called again when the request has waited.
void planOneAtATime(const Context& context, std::vector<std::string> keys,
                    std::function<void(routing::Plan&)> begin, routing::Plan& plan);

}  // namespace slotless::session
