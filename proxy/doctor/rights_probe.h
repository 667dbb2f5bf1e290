// Which commands that the proxy needs a node denies to its user. What is tried has no effect: it only reads,
// or is about a key that never exists.
#pragma once
#include <vector>

#include "proxy/doctor/facts.h"

namespace slotless::subcommand {
class NodeClient;
}

namespace slotless::doctor {

// `ofCluster`: else what matters to one server only.
std::vector<Denied> deniedBy(subcommand::NodeClient& client, bool ofCluster);

}  // namespace slotless::doctor
