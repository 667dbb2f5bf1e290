// From what a client says in its database to what the cluster's nodes understand.
#pragma once
#include <string>

#include "protocol/key_scheme.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/translation/command.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

inline bool carriesScript(const protocol::CommandSpec& spec) noexcept {
  return spec.singleKey == 0 &&
         (spec.scriptText > 0 || spec.scriptSha > 0 || spec.loadsLibrary || spec.showsScripts);
}

// Cheap, and false for nearly all commands of a database whose keys keep their names.
inline bool needsTranslation(const TranslationContext& context, const Command& command) noexcept {
  const protocol::CommandSpec& spec = *command.spec;
  if (!context.databases.anyMapped()) return spec.transfer != protocol::Transfer::None || carriesScript(spec);
  if (command.database.mapped() || spec.singleKey == 0) return true;
  return protocol::isReservedKey(command.argv[static_cast<std::size_t>(spec.singleKey)]) ||
         spec.transfer != protocol::Transfer::None;
}

// Keys get their names in the cluster, and commands about a whole pinned database become scripts: of one step
// if the command is `queued` for a transaction. False: `error` is the answer.
// `numbering` and `protocol`: the client's.
bool translate(TranslationContext& context, const databases::Numbering& numbering, int protocol, bool queued,
               Command& command, std::string& error);

using reply_texts::kReservedKey;

// What has been written last goes to the nodes in the command's place.
inline void replaceBy(const databases::KeyMapper& written, Command& command) noexcept {
  command.argv = written.argv();
  command.bytes = written.bytes();
  command.tail = written.tail();
}

// What SELECT means by that. nullptr: `error` says why not.
const databases::Database* databaseNamed(const databases::Numbering& numbering, std::string_view number,
                                         std::string& error);

}  // namespace slotless::session
