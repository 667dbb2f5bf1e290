// What becomes of each command of Redis 7.0, to be looked up by its name: the table of docs/compatibility.md.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "protocol/command_spec.h"
#include "proxy/emulation/cross_slot_table.h"

namespace slotless::session {

// How a command is carried out whose keys are in several slots. nullopt: it has never several.
std::optional<CrossSlotKind> kindOverSlots(const protocol::CommandSpec& spec);

// Markdown; ends with a newline. Commands with the same fate share a row, each is there once.
std::string commandFateTable();

}  // namespace slotless::session
