// Turns what COMMAND reports of a command into how the proxy treats it.
#pragma once
#include "protocol/command_overrides.h"
#include "protocol/command_spec.h"

namespace slotless::protocol {

// Fills everything behind the facts of `spec` except its id, and not its subcommands. `override` may be
// nullptr.
void derive(CommandSpec& spec, const CommandOverride* override);

}  // namespace slotless::protocol
