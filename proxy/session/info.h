// INFO as one standalone master gives it, about the proxy and what it knows of the cluster.
#pragma once
#include <string>
#include <string_view>

#include "protocol/argv.h"
#include "proxy/session/services.h"

namespace slotless::session {

// The servers' version; "7.0.0" as long as none is known.
std::string_view serverVersion(const Services& services);
// The sections named by `sections` (any case); none, "default", "all" and "everything" mean all.
std::string infoText(const Services& services, protocol::Argv sections);

}  // namespace slotless::session
