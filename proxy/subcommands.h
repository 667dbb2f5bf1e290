// The sub-commands that this binary has.
#pragma once
#include <span>

#include "proxy/subcommand/subcommand.h"

namespace slotless {

std::span<const subcommand::Subcommand> subcommands();

}  // namespace slotless
