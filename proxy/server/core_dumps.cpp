#include "proxy/server/core_dumps.h"

#include <sys/prctl.h>

namespace slotless::server {

void allowCoreDumps(bool allowed) noexcept {
  prctl(PR_SET_DUMPABLE, allowed ? 1UL : 0UL, 0UL, 0UL, 0UL);
}

}  // namespace slotless::server
