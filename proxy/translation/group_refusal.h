// What a client of a grouped database is told of keys that are in several slots: the groups that they are of.
#pragma once
#include "proxy/routing/plan.h"
#include "proxy/translation/command.h"

namespace slotless::session {

// Only a plan that refuses keys in several slots of a grouped database is changed: its error.
void nameGroups(const Command& command, routing::Plan& plan);

}  // namespace slotless::session
