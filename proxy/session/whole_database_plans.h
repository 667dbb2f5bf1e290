// DBSIZE, FLUSHDB, KEYS, RANDOMKEY and SCAN of a spread database: on every master, and of what the masters
// have only the keys of that database.
#pragma once
#include "proxy/routing/plan.h"
#include "proxy/session/command.h"

namespace slotless::session {

struct Services;

// False: the command is none of these, or all keys of the cluster are the database's, so that nothing is to
// be told apart.
bool planWholeDatabase(Services& services, const Command& command, routing::Plan& plan);

}  // namespace slotless::session
