// DBSIZE, FLUSHDB, KEYS, RANDOMKEY and SCAN of a pinned database: as a script for the owner of its slot, or,
// where that is denied, as SCAN and UNLINK.
#pragma once
#include <string>

#include "proxy/translation/command.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

// As translate(). `queued`: for a transaction, where there is but one way, a script.
bool translatePinned(TranslationContext& context, int protocol, bool queued, Command& command,
                     std::string& error);

}  // namespace slotless::session
