// CONFIG GET for all servers together: it shows the nodes' settings, but the proxy's own where a client means
// the server that it is connected to.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "protocol/argv.h"
#include "proxy/routing/plan.h"
#include "proxy/session/services.h"

namespace slotless::session {

// What CONFIG GET tells of the proxy's configuration. nullopt: the nodes tell it.
std::optional<std::string> ownSettingText(const config::Config& config, std::string_view name);
bool planConfigGet(Services& services, protocol::Argv argv, routing::Plan& plan);

}  // namespace slotless::session
