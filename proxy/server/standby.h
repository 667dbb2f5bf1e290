// The side that can be gone over to, learned beforehand, so that a cut-over waits for nothing.
//
// Runs on the cluster thread's loop, where it is also to be made and destroyed; what it has learned may be
// asked for on any thread.
#pragma once
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "proxy/discovery/command_learner.h"
#include "proxy/discovery/topology_source.h"

namespace slotless::server {

class Standby {
 public:
  struct Known {
    cluster::TopologyPtr topology;
    discovery::CommandTablePtr commands;
    std::set<discovery::ServerBuild> builds;
  };

  Standby(net::Loop& loop, discovery::RefreshSettings refresh, discovery::LearnSettings learn,
          bool oneServer);

  // Why it cannot be gone over to; empty: it can, and all of known() is there.
  std::string objection() const;
  Known known() const;

 private:
  void take(const discovery::CommandTablePtr& commands, const std::set<discovery::ServerBuild>& builds);

  const bool oneServer_;
  mutable std::mutex mutex_;
  Known known_;
  std::string trouble_;  // of the last question
  discovery::CommandLearner learner_;
  std::unique_ptr<discovery::TopologySource> source_;
};

}  // namespace slotless::server
