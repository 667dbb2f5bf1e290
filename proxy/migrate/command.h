// `slotless migrate …`
#pragma once
#include "proxy/subcommand/subcommand.h"

namespace slotless::migrate {

int migrate(const subcommand::Arguments& arguments);

}  // namespace slotless::migrate
