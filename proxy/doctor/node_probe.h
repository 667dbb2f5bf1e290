// Asks one node all that is to be known of it.
#pragma once
#include "proxy/doctor/facts.h"
#include "proxy/doctor/gather.h"

namespace slotless::databases {
class Databases;
}

namespace slotless::doctor {

struct Asking {
  const config::Config& config;
  const databases::Databases& databases;
  const GatherOptions& options;
};

// At `node.dialled`. Fills in all the rest; what is known of it before (id, announced) stays where the node
// itself does not tell.
void ask(Node& node, const Asking& asking);

// Can one speak with the node there?
Contact tryContact(const net::Address& address, const Asking& asking);

// Is the bus port open, as seen from here?
Port tryPort(const net::Address& address, const Asking& asking);

}  // namespace slotless::doctor
