// From what a client says in its database to what the cluster's nodes understand.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

#include "proxy/databases/reserved_keys.h"
#include "proxy/translation/command.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

inline bool carriesScript(const protocol::CommandSpec& spec) noexcept {
  return spec.singleKey == 0 &&
         (spec.scriptText > 0 || spec.scriptSha > 0 || spec.loadsLibrary || spec.showsScripts);
}

// Nearly always decided by the first bytes of the arguments, of which not all need be keys.
inline bool mayNameReservedKey(const TranslationContext& context, const Command& command) noexcept {
  const auto reserved = [&](std::string_view argument) {
    return !databases::keyObjection(context.databases, command.database, argument).empty();
  };
  if (command.spec->singleKey > 0)
    return reserved(command.argv[static_cast<std::size_t>(command.spec->singleKey)]);
  return std::any_of(command.argv.begin() + 1, command.argv.end(), reserved);
}

// Cheap, and false for nearly all commands of a database whose keys keep their names.
inline bool needsTranslation(const TranslationContext& context, const Command& command) noexcept {
  const protocol::CommandSpec& spec = *command.spec;
  if (command.database.mapped() || spec.transfer != protocol::Transfer::None) return true;
  if (spec.singleKey == 0 && (context.databases.anyMapped() || carriesScript(spec))) return true;
  return mayNameReservedKey(context, command);
}

// Keys get their names in the cluster, and commands about a whole pinned database become scripts: of one step
// if the command is `queued` for a transaction. False: `error` is the answer.
// `numbering` and `protocol`: the client's.
bool translate(TranslationContext& context, const databases::Numbering& numbering, int protocol, bool queued,
               Command& command, std::string& error);

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
