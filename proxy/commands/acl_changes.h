// ACL SETUSER, DELUSER, LOAD and SAVE, where the proxy has users. Each is answered when all workers go by the
// new users. Source: Redis 7.0 acl.c aclCommand(), ACLLoadFromFile(), ACLSaveToFile().
#pragma once
#include "proxy/commands/local_commands.h"

namespace slotless::session {

void aclDelUser(LocalCall& call);
void aclLoad(LocalCall& call);
void aclSave(LocalCall& call);
void aclSetUser(LocalCall& call);

}  // namespace slotless::session
