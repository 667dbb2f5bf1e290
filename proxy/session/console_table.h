// The operator's console over RESP: the commands PROXY …, which no server has and COMMAND does not show.
#pragma once
#include <span>

#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::session {

// argv {"PROXY", "STATS"} gives its spec. nullptr: no command of the console; `container` is then that of
// PROXY itself if only the subcommand is unknown.
const protocol::CommandSpec* findConsoleCommand(protocol::Argv argv, const protocol::CommandSpec** container);
// PROXY with its subcommands, for those who list commands.
std::span<const protocol::CommandSpec> consoleCommands();
bool isConsoleCommand(const protocol::CommandSpec& spec) noexcept;

}  // namespace slotless::session
