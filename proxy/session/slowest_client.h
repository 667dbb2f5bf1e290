// Who keeps a connection that others need: a large reply is taken too slowly.
#pragma once

namespace slotless::session {

struct Services;

// The client that has kept a connection paused for longest is closed, if that is long.
void closeSlowest(const Services& services);

}  // namespace slotless::session
