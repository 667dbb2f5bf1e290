// Makes facts for a CommandTable of what a server replies to COMMAND.
//
// Errors: a reply that is no list of commands gives nullopt. What a newer server adds (flags, search types,
// fields) is passed over. Positions and names are checked: they come from the network and are used as they
// are later. Source: COMMAND in Redis 2.8.13 (six fields), 6.0 (and ACL categories), 7.0 (and tips, key
// specifications, subcommands), Valkey 7.2 to 9.
#pragma once
#include <optional>
#include <vector>

#include "protocol/command_spec.h"

struct redisReply;

namespace slotless::discovery {

// The facts as told, nothing derived. Fields that the server is too old to tell are taken from the built-in
// facts of the same name: categories, tips, key specifications, subcommands, and flags beside its own. RESP2
// and RESP3.
std::optional<std::vector<protocol::CommandSpec>> parseCommandReply(const redisReply& reply);
// The group of each command, from a list of names and groups in turn; any other reply changes nothing.
void addGroups(const redisReply& list, std::vector<protocol::CommandSpec>& facts);

}  // namespace slotless::discovery
