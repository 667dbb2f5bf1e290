// COMMAND, of the commands that the servers know.
#pragma once
#include "proxy/commands/local_commands.h"

namespace slotless::session {

void commandAll(LocalCall& call);
void commandCount(LocalCall& call);
void commandGetKeys(LocalCall& call);
void commandInfo(LocalCall& call);

}  // namespace slotless::session
