// `slotless migrate verify`: compares source and target both ways.
#pragma once
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/settings.h"

namespace slotless::migrate {

int verify(const Settings& settings, Reporter& reporter);

}  // namespace slotless::migrate
