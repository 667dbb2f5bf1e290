// `slotless migrate status|abort|finish`: what the journal in the target says, and the end of it.
#pragma once
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/settings.h"

namespace slotless::migrate {

// Exit code 0: a migration is there; 1: there is none.
int status(const Settings& settings, Reporter& reporter);
// Ends a run that is at work, and forgets the migration; what has been copied stays.
int abort(const Settings& settings, Reporter& reporter);
// The same, if it has caught up: exit code 1 otherwise.
int finish(const Settings& settings, Reporter& reporter);

}  // namespace slotless::migrate
