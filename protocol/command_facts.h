// What Redis 7.0.15 reports of its commands, built in: one line of text per command, made by
// scripts/generate-command-table.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/command_spec.h"

namespace slotless::protocol {

// The lines as they are in command_facts.inc; a subcommand's line follows its container's.
std::span<const std::string_view> builtInFactLines() noexcept;

// One line → the facts of a spec (nothing derived). nullopt: the line is malformed.
std::optional<CommandSpec> parseFactLine(std::string_view line);

// All lines, subcommands inside their containers.
std::vector<CommandSpec> builtInFacts();

}  // namespace slotless::protocol
