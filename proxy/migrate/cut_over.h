// slotless migrate cut-over and roll-back: all proxies go over from one server to the cluster, or back.
#pragma once
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/settings.h"

namespace slotless::migrate {

int cutOver(const Settings& settings, Reporter& reporter);
int rollBack(const Settings& settings, Reporter& reporter);

}  // namespace slotless::migrate
