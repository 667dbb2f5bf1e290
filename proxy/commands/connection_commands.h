// What is about the client's own connection and needs nobody else: PING, SELECT, CLIENT SETNAME and the like.
// Source of shapes and error texts: Redis 7.0.15.
#pragma once
#include "proxy/commands/local_commands.h"

namespace slotless::session {

void clientGetName(LocalCall& call);
void clientId(LocalCall& call);
void clientSetInfo(LocalCall& call);
void clientSetName(LocalCall& call);
// What is about a cluster.
void clusterDisabled(LocalCall& call);
void echo(LocalCall& call);
void ping(LocalCall& call);
void quit(LocalCall& call);
void readOnly(LocalCall& call);
void readWrite(LocalCall& call);
void role(LocalCall& call);
void select(LocalCall& call);
void time(LocalCall& call);
void whoAmI(LocalCall& call);

}  // namespace slotless::session
