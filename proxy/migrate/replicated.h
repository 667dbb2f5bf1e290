// Whether what a master has confirmed would outlive it.
#pragma once
#include <chrono>

#include "protocol/slot.h"
#include "proxy/subcommand/cluster_view.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

// A replica has everything that the master had done before; where it has none, that is true as well. `slot`:
// one of the master's. False: not in that time.
bool isReplicated(const subcommand::ClusterMaster& master, protocol::Slot slot,
                  const subcommand::ConnectOptions& options, std::chrono::milliseconds patience);

}  // namespace slotless::migrate
