// SCAN over all masters: asks for one page, and makes the client's reply out of the answers.
#pragma once
#include "protocol/argv.h"
#include "proxy/emulation/plan_context.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

// The rule is in routing/scan_walk.h. Every page brings what the node says of itself (CLUSTER NODES) with it.
// Of all keys only those of the database are returned.
bool planScan(PlanContext& context, protocol::Argv argv, const databases::Database& database,
              routing::Plan& plan);

// One server's cursors are its own. One that the cluster has given, before a roll-back, would be taken for
// some place of its table, and keys be left out: the iteration begins anew. False: it is none.
bool planScanAnew(protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
