// Says what is known of a command as an element of COMMAND's reply.
// Source: Redis 7.0 server.c addReplyCommandInfo(); redis.io/commands/command.
#pragma once
#include <cstdint>
#include <string>

#include "protocol/command_spec.h"

namespace slotless::protocol {

// Appends the array of ten that COMMAND and COMMAND INFO give for one command, subcommands inside. For an
// unknown command COMMAND INFO gives a null instead (appendNull). `protocol`: 2, or 3 with sets and maps.
// `without`: how a command without subcommands says so; Valkey from 9.0 on has an array.
enum class WithoutSubcommands : std::uint8_t { EmptySet, EmptyArray };
void appendCommandInfo(std::string& out, const CommandSpec& spec, int protocol = 2,
                       WithoutSubcommands without = WithoutSubcommands::EmptySet);

}  // namespace slotless::protocol
