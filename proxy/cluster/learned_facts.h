// Puts together what several servers tell of their commands, and what the built-in facts have to add.
#pragma once
#include <vector>

#include "protocol/command_spec.h"

namespace slotless::cluster {

// For a command as a server before 7.0 tells it: adds what such a server cannot tell from the built-in facts
// of the same name. Its arity and range stay: they say what this server takes. Flags are added, never taken
// away: Redis 6 knows no "blocking" or "may_replicate", Redis 5 no "no_auth".
void completeByBuiltIn(protocol::CommandSpec& spec);

// The commands that all servers have; one element per distinct server, the oldest first. Where they tell
// different things of a command, the first one's facts count, with the stricter arity, with all flags and
// categories, and with the subcommands that all have. Requires at least one element.
std::vector<protocol::CommandSpec> intersectFacts(std::vector<std::vector<protocol::CommandSpec>> servers);

// Commands that the proxy answers itself, whatever the servers know (Redis 5 has no HELLO, Redis 6 lists no
// QUIT).
void addOwnCommands(std::vector<protocol::CommandSpec>& facts);

}  // namespace slotless::cluster
