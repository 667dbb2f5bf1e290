// Asks a sentinel for the server that it knows by a name.
#pragma once
#include "proxy/doctor/node_probe.h"

namespace slotless::doctor {

// At `sentinel.dialled`, whose contact is good then, and `watched` has that one server; or its problem says
// why not. Who asks for no login gets none.
void askSentinel(Node& sentinel, const Asking& asking);

}  // namespace slotless::doctor
