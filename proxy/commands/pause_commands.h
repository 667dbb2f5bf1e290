// CLIENT PAUSE and UNPAUSE, PROXY PAUSE and RESUME: for the clients of all workers.
#pragma once
#include "proxy/commands/local_commands.h"

namespace slotless::session {

void clientPause(LocalCall& call);
void clientUnpause(LocalCall& call);
void consolePause(LocalCall& call);
void consoleResume(LocalCall& call);

}  // namespace slotless::session
