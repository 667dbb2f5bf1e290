// CONFIG SET notify-keyspace-events of those who may not administer the nodes, as Spring sends it at its
// start: what is set already stays set.
#pragma once
#include <cstdint>
#include <string_view>

#include "proxy/routing/plan.h"

namespace slotless::session {

struct Services;

inline constexpr std::string_view kEventSetting = "notify-keyspace-events";

// Asks all nodes for what they have, and sets all of that and `events` at each of them.
void planMoreEvents(Services& services, std::string_view events, routing::Plan& plan);

}  // namespace slotless::session
