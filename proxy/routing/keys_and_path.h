// Commands whose keys stand one behind the other, in several slots, and whose reply has an element for each:
// each slot gets its keys, with the words that stand in front of all keys, and behind them (JSON.MGET: the
// path). Pure.
#pragma once
#include <cstdint>
#include <span>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

// `positions`: of the keys.
void planKeysInOrder(protocol::Argv argv, std::span<const std::uint32_t> positions, Plan& plan);

// JSON.MGET. False: not a command of that kind. Requires keys in more than one slot.
bool planKeysAndPath(const protocol::CommandSpec& spec, protocol::Argv argv, Plan& plan);

}  // namespace slotless::routing
