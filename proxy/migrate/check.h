// `slotless migrate check`: what is in the way of a migration. Changes nothing.
#pragma once
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/settings.h"

namespace slotless::migrate {

int check(const Settings& settings, Reporter& reporter);

}  // namespace slotless::migrate
