// `slotless migrate run`: copies everything, and goes on copying what changes.
#pragma once
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/settings.h"

namespace slotless::migrate {

int run(const Settings& settings, Reporter& reporter);

}  // namespace slotless::migrate
