// One side of a migration, as reads are asked again there: its nodes, its names, and a connection to each
// node in use.
//
// Not thread-safe. Every step has a time limit. Nothing is repeated: what a node refuses because it does not
// have the slot any more is not compared, and the next one asks who has it.
#pragma once
#include <chrono>
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
#include "proxy/shadow/asker.h"
#include "proxy/subcommand/cluster_view.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::shadow {

class Side final : public Asker {
 public:
  // `config`: as it was loaded, with upstream migrating. `side`: Cluster or Single. `stops`: it is to end.
  Side(const config::Config& config, config::Upstream side, std::function<bool()> stops);

  std::optional<telemetry::ShadowDrop> send(std::uint32_t database,
                                            const std::vector<Question>& questions) override;
  subcommand::Reply receive() override;
  void abandon() override;
  const std::string& trouble() const noexcept override { return trouble_; }
  protocol::Slot slotOf(std::size_t question) const noexcept override { return placed_[question].slot; }

 private:
  using Drop = std::optional<telemetry::ShadowDrop>;
  // A question, in this side's names.
  struct Placed {
    std::vector<std::string> words;
    protocol::Slot slot = 0;
    std::uint32_t nodeDatabase = 0;
    subcommand::NodeClient* client = nullptr;
  };

  Drop place(std::uint32_t database, const Question& question);
  subcommand::NodeClient& clientOf(const Placed& placed);
  // False: trouble().
  bool write(subcommand::NodeClient& client);
  bool look();

  const bool single_;
  const std::function<bool()> stops_;
  std::unique_ptr<const migrate::Naming> naming_;
  std::vector<subcommand::ServerUrl> seeds_;
  std::vector<config::AddressRule> rules_;
  subcommand::ConnectOptions options_;
  std::shared_ptr<const subcommand::ClusterView> view_;  // of a cluster; nullptr: has to be asked for
  std::map<std::pair<std::string, std::uint32_t>, subcommand::NodeClient> clients_;  // by node and database
  std::vector<Placed> placed_;                                                       // what was asked last
  std::size_t received_ = 0;                                                         // of these
  std::chrono::steady_clock::time_point deadline_{};
  std::string trouble_;
};

}  // namespace slotless::shadow
