// A rate limit for each place in the code that logs, made when it logs first: no line can come in floods
// because somebody forgot that a client or a node causes it.
#pragma once
#include <cstdint>

#include "proxy/telemetry/rate_limit.h"
#include "proxy/telemetry/site.h"

namespace slotless::log::detail {

// Thread-safe; the limit lives for ever. `eventsPerSecond` is that of the first call from there.
RateLimit& limitOf(const Site& site, std::uint32_t eventsPerSecond);

}  // namespace slotless::log::detail
