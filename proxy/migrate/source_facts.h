// What the servers that are copied from can do, found out once by asking them.
#pragma once
#include <string>
#include <vector>

#include "proxy/subcommand/cluster_view.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

enum class Usage { None, IdleTime, Frequency };

struct SourceFacts {
  std::string software;  // "Redis 7.0.15"
  int major = 0;
  int minor = 0;
  std::string runId;
  bool isCluster = false;
  bool isReplica = false;
  Usage usage = Usage::None;      // by its eviction policy
  bool tellsSizes = false;        // MEMORY USAGE
  bool tellsExpiryTimes = false;  // PEXPIRETIME
  bool tellsFieldExpiry = false;  // HPEXPIRETIME
  bool hasFunctions = false;
  std::string error;  // then the rest is not known

  bool isAtLeast(int wantedMajor, int wantedMinor) const noexcept {
    return major > wantedMajor || (major == wantedMajor && minor >= wantedMinor);
  }
};

// Of one server, which is no node of a cluster.
SourceFacts factsOf(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options);
// What all of these nodes of a cluster can do.
SourceFacts factsOfAll(const std::vector<subcommand::ClusterMaster>& masters,
                       const subcommand::ConnectOptions& options);

}  // namespace slotless::migrate
