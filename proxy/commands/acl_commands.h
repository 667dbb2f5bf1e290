// ACL, where the proxy has users: what tells of them and changes nothing. Source: Redis 7.0 acl.c
// aclCommand().
#pragma once
#include "proxy/commands/local_commands.h"

namespace slotless::session {

void aclCat(LocalCall& call);
void aclDryRun(LocalCall& call);
void aclGenPass(LocalCall& call);
void aclGetUser(LocalCall& call);
void aclList(LocalCall& call);
void aclUsers(LocalCall& call);

}  // namespace slotless::session
