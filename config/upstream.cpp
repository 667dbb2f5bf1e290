#include "config/upstream.h"

#include <utility>

namespace slotless::config {

bool hasServersCredentials(const Config& config) noexcept {
  return !config.serverPassword.empty() || !config.serverUsername.empty();
}

void useServersCredentials(Config& config) {
  config.username = config.serverUsername;
  config.password = config.serverPassword;
  config.passwordFile.clear();
}

namespace {

// Clients go on to present what they present to the server.
void keepClientsCredentials(Config& config) {
  if (config.clientAuth != ClientAuth::Same || !config.clientPassword.empty()) return;
  config.clientPassword = config.serverPassword;
  if (config.serverPassword.empty()) config.clientAuth = ClientAuth::None;
}

}  // namespace

Config forBothSides(Config config) {
  if (config.upstream == Upstream::Migrating) config.clusterTls = config.clusterTls || config.serverTls;
  return config;
}

Config forSide(Config config, Upstream side) {
  config.side = side;
  if (side != Upstream::Single) {
    keepClientsCredentials(config);
    return config;
  }
  config.clusterTls = config.serverTls;
  config.passwordCommand.clear();
  useServersCredentials(config);
  std::erase_if(config.databaseLayout,
                [](const DatabaseRule& rule) { return rule.layout != DatabaseLayout::Denied; });
  return config;
}

}  // namespace slotless::config
