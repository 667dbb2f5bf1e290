// CLIENT: what concerns the client's own connection, and what concerns others, on whatever worker they are.
// Source of shapes and error texts: redis.io/commands/client-list and the like, Redis 7.0.15.
#pragma once
#include "proxy/commands/local_commands.h"

namespace slotless::session {

void clientInfo(LocalCall& call);
void clientList(LocalCall& call);
void clientKill(LocalCall& call);
void clientUnblock(LocalCall& call);
void clientCapabilities(LocalCall& call);
void clientImportSource(LocalCall& call);
void clientNoEvict(LocalCall& call);
void clientNoTouch(LocalCall& call);
void clientReply(LocalCall& call);
void clientCaching(LocalCall& call);
void clientTrackingInfo(LocalCall& call);
void clientGetRedirection(LocalCall& call);

}  // namespace slotless::session
