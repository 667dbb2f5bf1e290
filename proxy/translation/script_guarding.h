// Scripts and libraries of functions on their way to nodes, where they may need a guard
// (databases::ScriptGuard).
//
// A script that needs one never reaches a node as it is, also not by SCRIPT LOAD: another proxy, which has
// not seen its text, gets NOSCRIPT for its SHA1 and not what one of several nodes would make of it.
#pragma once
#include <memory>

#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"
#include "proxy/translation/command.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

// Puts what is needed in the command's place. `queued`: for a transaction.
void guardScript(TranslationContext& context, bool queued, Command& command);
// Of a wrapped script in a transaction, whose reply is an element of EXEC's: errors as the client knows them.
std::unique_ptr<routing::Composer> scriptErrorComposer(const WrappedScripts& scripts,
                                                       const databases::Database& database);

}  // namespace slotless::session
