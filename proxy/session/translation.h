// From what a client says in its database to what the cluster's nodes understand.
#pragma once
#include <string>

#include "protocol/key_scheme.h"
#include "proxy/session/command.h"
#include "proxy/session/services.h"

namespace slotless::session {

// Cheap, and false for nearly all commands of a database whose keys keep their names.
inline bool needsTranslation(const Services& services, const Command& command) noexcept {
  const protocol::CommandSpec& spec = *command.spec;
  if (!services.databases.anyMapped())
    return spec.transfer != protocol::Transfer::None || spec.scriptText > 0 || spec.scriptSha > 0;
  if (command.database.mapped() || spec.singleKey == 0) return true;
  return protocol::isReservedKey(command.argv[static_cast<std::size_t>(spec.singleKey)]) ||
         spec.transfer != protocol::Transfer::None;
}

// Keys get their names in the cluster, and commands about a whole pinned database become scripts: of one step
// if the command is `queued` for a transaction. False: `error` is the answer.
bool translate(Services& services, int protocol, bool queued, Command& command, std::string& error);

// For a name that is not the client's to choose.
inline constexpr std::string_view kReservedKey =
    "ERR Keys that begin like '~1{' or '~1:' are reserved for other databases";

// What has been written last goes to the nodes in the command's place.
inline void replaceBy(const databases::KeyMapper& written, Command& command) noexcept {
  command.argv = written.argv();
  command.bytes = written.bytes();
  command.tail = written.tail();
}

// What SELECT means by that. nullptr: `error` says why not.
const databases::Database* databaseNamed(const Services& services, std::string_view number,
                                         std::string& error);

}  // namespace slotless::session
