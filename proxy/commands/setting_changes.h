// CONFIG SET and CONFIG RESETSTAT: what the proxy does itself, beside or instead of the servers.
//
// A setting that the servers have taken is remembered, so that servers which join later get it too (see
// cluster/settings_carrier.h), and the proxy's own logs follow it. What is the proxy's own (own_settings.h)
// changes its configuration until that is loaded anew.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "protocol/argv.h"
#include "proxy/routing/plan.h"
#include "proxy/session/setting_pairs.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

struct Services;

// Refuses what would take the nodes out of the proxy's reach or have no effect. Those who may not administer
// the nodes can have more keyspace events (event_setting.h).
bool planConfigSet(Services& services, protocol::Argv argv, routing::Plan& plan);
// The proxy's own numbers; those of the servers only for administrators.
bool planConfigResetStat(Services& services, protocol::Argv argv, routing::Plan& plan);

// The level of the proxy's log in Redis's words, of which it has as many.
std::string_view logLevelWord();

// What PROXY CONFIG SET changes: the same settings, as far as they are the proxy's own, at this proxy and
// nowhere else. The nodes, which all proxies share, hear nothing of it.
struct ProxySettings {
  SettingPairs options;  // of the configuration
  std::optional<log::Level> level;
};
// `pairs`: names and values in turn, at least one of each. nullopt: `error` has the line.
std::optional<ProxySettings> readProxySettings(const config::Config& config, protocol::Argv pairs,
                                               std::string& error);
void putInForce(Services& services, const ProxySettings& settings);

}  // namespace slotless::session
