// Makes one CONFIG GET of those of several nodes. Pure.
//
// Settings are the same everywhere, since CONFIG SET sets them so: the first node's count, also of a limit
// that each node has for itself (maxmemory). What was set has to be what is told. Source: CONFIG GET
// (redis.io/commands/config-get).
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "proxy/routing/plan.h"

namespace slotless::routing {

// Settings that are the proxy's own wherever a node names them.
using OwnSettings = std::map<std::string_view, std::string>;

// Requires that no part is an error. False: the replies have not the shape they should have.
bool mergeConfig(std::span<const PartReply> parts, const OwnSettings& own, std::string& out);

}  // namespace slotless::routing
