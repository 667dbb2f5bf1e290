// CONFIG SET of what the proxy would not change, to the value that it has: nothing happens, as with one
// Redis. Tools that look after servers set all that they know, each time.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "proxy/routing/plan.h"
#include "proxy/session/services.h"

namespace slotless::session {

struct Unchanged {
  std::string name;
  std::string value;
  std::string objection;  // the answer, whole, if it has another value
};

// Asks the nodes for the values first, and goes on with `then` if they are those. Requires `wanted`, and of
// `then` that it is for Nobody or rewritten for EachNode.
void planIfUnchanged(Services& services, std::vector<Unchanged> wanted, routing::Plan then,
                     routing::Plan& plan);

}  // namespace slotless::session
