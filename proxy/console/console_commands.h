// What the console PROXY shows. Texts are lines of key=value or name:value, for eyes and for scripts.
#pragma once
#include <span>

#include "proxy/commands/local_commands.h"

namespace slotless::session {

// All of them, for the table of what the proxy answers itself.
std::span<const LocalEntry> consoleEntries() noexcept;

void consoleHelp(LocalCall& call);
void consoleVersion(LocalCall& call);
// PROXY CLIENTS [ALL]
void consoleClients(LocalCall& call);
// PROXY KILL filter value … [ALL]: without ALL as CLIENT KILL.
void consoleKill(LocalCall& call);
// PROXY PAUSE and RESUME [ALL]; without ALL see pause_commands.h.
void consolePauseAll(LocalCall& call);
void consoleResumeAll(LocalCall& call);
void consoleLinks(LocalCall& call);
void consoleMemory(LocalCall& call);
void consoleNodes(LocalCall& call);
// What the clients of each user, and of each database, have of the proxy.
void consoleUsers(LocalCall& call);
void consoleDatabases(LocalCall& call);
// PROXY HOTKEYS [count | RESET]: those used most, of the databases that the client may use.
void consoleHotKeys(LocalCall& call);
// The outcome of the reads that shadow-sample has had asked again.
void consoleShadow(LocalCall& call);
// PROXY PEERS: the proxies of this cluster, this one first.
void consolePeers(LocalCall& call);
void consoleSlots(LocalCall& call);
void consoleStats(LocalCall& call);
// PROXY CONFIG [GET pattern]: name → value; secrets are masked. PROXY CONFIG SET name value … [ALL]: what
// readProxySettings() takes.
void consoleConfig(LocalCall& call);
void consoleConfigSet(LocalCall& call);
// PROXY CUT-OVER STATUS | PREPARE id patience hold side | SETTLE id side, for slotless migrate: see
// cut_over_step.h.
void consoleCutOver(LocalCall& call);
// PROXY EXPLAIN command …: where it would go, and why. Nothing is sent.
void consoleExplain(LocalCall& call);

}  // namespace slotless::session
