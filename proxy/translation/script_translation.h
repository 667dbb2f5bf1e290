// EVAL and EVALSHA in a database whose keys have other names in the cluster: the script is sent with what
// lets it use the database's own names (see databases::ScriptNames), and is told the database's prefix by one
// argument more, and a grouped one's patterns by another. That of a pinned or grouped database gets the
// routing key, too: it may touch keys that it does not name, and so needs its whole slot.
#pragma once
#include <string>

#include "proxy/translation/command.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

bool runsScript(const protocol::CommandSpec& spec);
// `queued`: for a transaction. False: `error` is the answer.
bool translateScript(TranslationContext& context, bool queued, Command& command, std::string& error);

}  // namespace slotless::session
