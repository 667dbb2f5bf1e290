// The replicas that the proxy says it has: as many as each master has at least, which is what WAIT can count.
//
// They are given under the address that the client is connected to: whoever reads from a replica that INFO or
// ROLE names gets the whole database there, and not one shard's redirects.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/address/address.h"

namespace slotless::session {

class Asker;
struct PlanContext;

// Where the client has found the proxy: an IP address and a port.
net::Address ownAddress(const Asker& client, const PlanContext& context);

// The lines of INFO replication from behind "connected_slaves:" on. `texts`: what masters with slots say.
std::string replicaLines(std::span<const std::string_view> texts, const net::Address& own);

}  // namespace slotless::session
