// All masters of a cluster, as those whom a walk asks.
#pragma once
#include "proxy/cluster/topology.h"
#include "proxy/databases/walk.h"

namespace slotless::databases {

Masters mastersOf(const cluster::Topology& topology);

}  // namespace slotless::databases
