// slotless migrate cut-over: lets all proxies go over from the server to the cluster at the same time.
#pragma once
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/settings.h"

namespace slotless::migrate {

int cutOver(const Settings& settings, Reporter& reporter);

}  // namespace slotless::migrate
