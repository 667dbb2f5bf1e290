// CLIENT: what concerns the client's own connection, and what concerns others, on whatever worker they are.
// Source of shapes and error texts: redis.io/commands/client-list and the like, Redis 7.0.15.
#pragma once
#include <cstdint>

#include "proxy/commands/local_commands.h"
#include "proxy/observe/client_filter.h"

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

// CLIENT KILL, as each worker carries it out.
struct KillOrder {
  ClientFilter filter;
  std::uint64_t asking;  // who is closed behind its reply; 0: nobody here
};
void killIfMatching(Services& services, Client& client, const KillOrder& order, std::int64_t& killed);

}  // namespace slotless::session
