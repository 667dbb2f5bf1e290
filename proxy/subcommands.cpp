#include "subcommands.h"

#include "proxy/doctor/doctor.h"

namespace slotless {

namespace {

// Whoever adds one adds a line: {"name", "What it does.", room::run}.
constexpr subcommand::Subcommand kAll[] = {
    {"doctor", "Says what is wrong with a cluster, why it matters and what to do. Changes nothing.",
     doctor::run},
};

}  // namespace

std::span<const subcommand::Subcommand> subcommands() {
  return kAll;
}

}  // namespace slotless
