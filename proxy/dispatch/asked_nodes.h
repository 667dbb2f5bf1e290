// Which nodes a plan's parts go to, as the topology is now: to say who has denied something.
#pragma once
#include <vector>

#include "proxy/net/address/address.h"
#include "proxy/routing/plan.h"
#include "proxy/upstream/link_pool.h"

namespace slotless::session {

// In the order of the parts; an empty address: it is not known. Fewer than there are replies: nodes have come
// or gone, or were left out.
std::vector<net::Address> askedNodes(const upstream::LinkPool& links, const routing::Plan& plan);

}  // namespace slotless::session
