// What modules' commands do not tell of their keys, or tell wrongly: data, by name.
#pragma once
#include "protocol/command_spec.h"

namespace slotless::protocol {

// The facts of the command, which COMMAND has told, become right. Before anything is derived from them.
void correctKeys(CommandSpec& spec);

}  // namespace slotless::protocol
