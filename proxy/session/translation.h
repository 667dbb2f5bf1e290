// From what a client says in its database to what the cluster's nodes understand.
#pragma once
#include <string>

#include "proxy/session/command.h"

namespace slotless::session {

struct Services;

// Keys get their names in the cluster, and commands about a whole pinned database become scripts: of one step
// if the command is `queued` for a transaction. False: `error` is the answer.
bool translate(Services& services, int protocol, bool queued, Command& command, std::string& error);

// What SELECT means by that. nullptr: `error` says why not.
const databases::Database* databaseNamed(const Services& services, std::string_view number,
                                         std::string& error);

}  // namespace slotless::session
