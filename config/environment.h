// Environment variables -> settings: SLOTLESS_<OPTION>, and the few REDIS_* names of the schema, which are
// weaker. REDIS_CLUSTER_ENABLED says which upstream there is; REDIS_URL is the server's, if that is the
// upstream.
//
// An empty variable counts as not set. Unknown SLOTLESS_* names are errors, except those that Kubernetes and
// Docker links set for a service called slotless (SLOTLESS_SERVICE_HOST, SLOTLESS_PORT_7379_TCP ...).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/setting.h"

namespace slotless::config {

using Environment = std::map<std::string, std::string>;

struct EnvironmentSettings {
  Settings settings;
  std::optional<std::string> file;  // SLOTLESS_CONFIG
  std::string fileSource;
  // REDIS_URL: of the option `server`. An application's own variable where it is not wanted.
  std::optional<Setting> serverUrl;
};

EnvironmentSettings readEnvironment(const Environment& environment);

}  // namespace slotless::config
