// Scripts that look at a whole database which several masters have: each of them runs the script, about the
// keys that it has itself, if the text tells that their answers make one (databases::wholeScriptOf).
//
// Nothing runs while slots are being moved: a node would see keys of theirs, or not, and refuse to use them.
#pragma once
#include "proxy/translation/command.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

// False: it is no such script, and goes the way of others. `protocol`: the client's.
bool planOnMasters(TranslationContext& context, int protocol, Command& command);

}  // namespace slotless::session
