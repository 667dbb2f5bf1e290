// `slotless doctor`: says what is wrong with a cluster, and changes nothing.
#pragma once
#include "proxy/subcommand/subcommand.h"

namespace slotless::doctor {

int run(const subcommand::Arguments& arguments);

}  // namespace slotless::doctor
