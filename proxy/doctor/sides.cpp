#include "proxy/doctor/sides.h"

#include "config/side_words.h"
#include "config/upstream.h"
#include "proxy/migrate/decision.h"

namespace slotless::doctor {

namespace {

bool hasBeenLeft(const config::Config& config) {
  std::string error;
  const auto side = migrate::Decision(config).look(error);
  return side && config::isClusterInForce(*side);
}

}  // namespace

std::vector<Facts> gatherSides(const config::Config& config, const GatherOptions& options) {
  std::vector<Facts> sides;
  if (config.upstream != config::Upstream::Migrating) {
    sides.push_back(gather(config, options));
    return sides;
  }
  sides.push_back(gather(config::forSide(config, config::Upstream::Cluster), options));
  if (sides.front().answered() > 0 && hasBeenLeft(config)) return sides;
  Facts server = gather(config::forSide(config, config::Upstream::Single), options);
  server.machine = {};  // it has been looked at
  sides.insert(sides.begin(), std::move(server));
  return sides;
}

}  // namespace slotless::doctor
