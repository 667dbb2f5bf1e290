// ACL LOG: what the nodes have refused and what the proxy has, newest first.
#pragma once
#include "protocol/argv.h"
#include "proxy/commands/local_commands.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct Services;

// Where the proxy has users: only what it has refused itself. The nodes know no user but the proxy's.
void aclLog(LocalCall& call);
bool planAclLog(Services& services, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
