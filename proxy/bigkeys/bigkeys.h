// `slotless bigkeys`, see docs/bigkeys.md.
#pragma once
#include "proxy/subcommand/subcommand.h"

namespace slotless::bigkeys {

int run(const subcommand::Arguments& arguments);

}  // namespace slotless::bigkeys
