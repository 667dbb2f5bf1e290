// Says what is known of a command as an element of COMMAND's reply.
// Source: Redis 7.0 server.c addReplyCommandInfo(); redis.io/commands/command.
#pragma once
#include <string>

#include "protocol/command_spec.h"

namespace slotless::protocol {

// Appends the array of ten that COMMAND and COMMAND INFO give for one command, subcommands inside. For an
// unknown command COMMAND INFO gives a null instead (appendNull). `protocol`: 2, or 3 with sets and maps.
void appendCommandInfo(std::string& out, const CommandSpec& spec, int protocol = 2);

}  // namespace slotless::protocol
