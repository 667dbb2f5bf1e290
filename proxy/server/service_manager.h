// Tells systemd, if it has started the process, how far it is (sd_notify(3)).
#pragma once
#include <string_view>

namespace slotless::server {

// Assignments as sd_notify has them, one a line: "READY=1". Without NOTIFY_SOCKET, or if nobody listens
// there: nothing happens.
void tellServiceManager(std::string_view assignments);

}  // namespace slotless::server
