// Commands that wait for an element of one of several lists or sorted sets in different slots, as attempts:
// the keys are asked whether they are there, all at once, and then those that are give something, from left
// to right, until one does. So never more than one gives anything. What has become true of an earlier key
// meanwhile is not seen. Pure.
#pragma once
#include <memory>
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/attempts.h"

namespace slotless::routing {

// nullptr: not a command of that kind. `names`: see makeStreamReads(). Requires keys in more than one slot.
// `objection`: what a server says of the words behind the keys, which it reads before the timeout; empty:
// nothing.
std::unique_ptr<Attempts> makeBlockingPops(const protocol::CommandSpec& spec, protocol::Argv argv,
                                           std::unique_ptr<Composer>& names, std::string_view& objection);

}  // namespace slotless::routing
