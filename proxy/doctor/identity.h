// What stands at an address: a node, or something else that answers there.
#pragma once
#include "proxy/doctor/facts.h"
#include "proxy/doctor/node_probe.h"

namespace slotless::subcommand {
class NodeClient;
}

namespace slotless::doctor {

// Of whom PING is answered: who it is, by INFO and CLUSTER NODES, whose answers `node` has then. Its contact
// is not good any more where it is something else than what is wanted.
void identify(subcommand::NodeClient& client, Node& node, bool ofCluster);

// Of whom nobody gets an answer that makes sense: what stands there, if it can be told. Speaks with it anew,
// without a login.
void lookCloser(Node& node, const Asking& asking);

}  // namespace slotless::doctor
