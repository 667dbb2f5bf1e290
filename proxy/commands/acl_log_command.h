// ACL LOG: what the nodes have refused and the logins that the proxy has, newest first.
#pragma once
#include "protocol/argv.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct Services;

bool planAclLog(Services& services, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
