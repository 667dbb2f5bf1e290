#include "proxy/subcommands.h"

namespace slotless {

namespace {

// Whoever adds one adds a line: {"name", "What it does.", room::run}.
constexpr std::span<const subcommand::Subcommand> kAll = {};

}  // namespace

std::span<const subcommand::Subcommand> subcommands() {
  return kAll;
}

}  // namespace slotless
