// One side of a migration, as reads are asked again there: its nodes, its names, and a connection to each
// node in use.
//
// Not thread-safe. Every step has a time limit. Nothing is repeated: what a node refuses because it does not
// have the slot any more is not compared, and the next one asks who has it.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "protocol/slot.h"
#include "proxy/migrate/naming.h"
#include "proxy/observe/shadow_queue.h"
#include "proxy/subcommand/cluster_view.h"
#include "proxy/subcommand/node_client.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::shadow {

class Side {
 public:
  // `config`: as it was loaded, with upstream migrating. `side`: Cluster or Single. `stops`: it is to end.
  Side(const config::Config& config, config::Upstream side, std::function<bool()> stops);

  // Puts the read on its way. The reason why not, or nothing; then one receive() follows.
  std::optional<telemetry::ShadowDrop> send(const observe::ShadowSample& sample);
  subcommand::Reply receive();
  // Why it could not be reached.
  const std::string& trouble() const noexcept { return trouble_; }
  // Of the cluster, of what was sent last.
  protocol::Slot slot() const noexcept { return slot_; }

 private:
  using Drop = std::optional<telemetry::ShadowDrop>;
  Drop write();
  bool look();

  const bool single_;
  const std::function<bool()> stops_;
  std::unique_ptr<const migrate::Naming> naming_;
  std::vector<subcommand::ServerUrl> seeds_;
  std::vector<config::AddressRule> rules_;
  subcommand::ConnectOptions options_;
  std::shared_ptr<const subcommand::ClusterView> view_;  // of a cluster; nullptr: has to be asked for
  std::map<std::pair<std::string, std::uint32_t>, subcommand::NodeClient> clients_;  // by node and database
  subcommand::NodeClient* asked_ = nullptr;
  std::vector<std::string> words_;
  std::uint32_t nodeDatabase_ = 0;
  protocol::Slot slot_ = 0;
  std::string trouble_;
};

}  // namespace slotless::shadow
