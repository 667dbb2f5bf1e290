// `slotless advise`: proposes a layout for each database of a server, by its names and its use. Changes
// nothing.
#pragma once
#include "proxy/subcommand/subcommand.h"

namespace slotless::advise {

int run(const subcommand::Arguments& arguments);

}  // namespace slotless::advise
