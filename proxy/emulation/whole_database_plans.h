// DBSIZE, FLUSHDB, KEYS, RANDOMKEY and SCAN of a spread database: on every master, and of what the masters
// have only the keys of that database.
#pragma once
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct PlanContext;

// False: the command is none of these, or all keys of the cluster are the database's, so that nothing is to
// be told apart.
bool planWholeDatabase(PlanContext& context, const protocol::CommandSpec& spec, protocol::Argv argv,
                       const databases::Database& database, routing::Plan& plan);

}  // namespace slotless::session
