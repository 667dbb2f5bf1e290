// The nodes of one side of a migration: which one has a slot, and what a failover may have taken away. One
// server is a node that has all of them.
//
// Thread-safe.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/migrate/slot_set.h"
#include "proxy/subcommand/cluster_view.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

class Nodes {
 public:
  // A cluster.
  Nodes(std::vector<subcommand::ServerUrl> seeds, subcommand::ConnectOptions options,
        std::vector<config::AddressRule> rules);
  // One server.
  Nodes(const subcommand::ServerUrl& server, subcommand::ConnectOptions options);

  // Asks the nodes. The error, or nothing; then view() is the new one.
  std::string refresh();
  // As refresh(), but several threads that ask at the same time ask once.
  std::string refreshOnce();
  // nullptr: nobody has answered yet.
  std::shared_ptr<const subcommand::ClusterView> view() const;

  // A process that answers for a master: another one than before may have forgotten what it was given.
  void noteProcess(const std::string& nodeId, const std::string& runId);
  // Slots whose master is another one, or has been started anew, since the last call: what it had confirmed
  // last may be missing.
  SlotSet takeDoubtful();
  // The count of changes of masters so far.
  std::uint64_t changes() const;

  const subcommand::ConnectOptions& options() const noexcept { return options_; }
  subcommand::ServerUrl translated(const subcommand::ServerUrl& announced) const {
    return subcommand::translated(announced, rules_);
  }

 private:
  std::string ask();
  void take(std::shared_ptr<const subcommand::ClusterView> found);

  const std::vector<subcommand::ServerUrl> seeds_;
  const subcommand::ConnectOptions options_;
  const std::vector<config::AddressRule> rules_;
  const bool single_ = false;
  std::mutex asking_;
  mutable std::mutex mutex_;
  std::shared_ptr<const subcommand::ClusterView> view_;
  std::map<std::string, std::string> processes_;
  SlotSet doubtful_;
  std::uint64_t changes_ = 0;
  std::uint64_t refreshes_ = 0;
};

}  // namespace slotless::migrate
