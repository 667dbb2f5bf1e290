// Scripts that look at a whole database which several masters have: each of them runs the script, about the
// keys that it has itself, if the text tells that their answers make one (databases::wholeScriptOf).
//
// What is in a slot that is on its way is left out at first, since a node would see some of its keys, and
// refuse to use others. The master that has it in the end runs the script about it, and about nothing else.
#pragma once
#include "proxy/translation/command.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

// False: it is no such script, and goes the way of others. `protocol`: the client's.
bool planOnMasters(TranslationContext& context, int protocol, Command& command);

}  // namespace slotless::session
