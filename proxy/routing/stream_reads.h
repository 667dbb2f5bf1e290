// XREAD and XREADGROUP over streams in several slots: one part for each slot, and one reply in the order of
// the streams. For a group all streams are asked first whether they have it, so that nothing is delivered
// where one of them gives an error. With BLOCK, `$` is looked up once. Pure.
#pragma once
#include <memory>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/attempts.h"

namespace slotless::routing {

// nullptr: not a command of that kind. `names`: makes the client's reply of a node's; nullptr: it is the
// node's. Taken if the answer is not nullptr. `protocol`: the client's. Requires keys in more than one slot.
std::unique_ptr<Attempts> makeStreamReads(const protocol::CommandSpec& spec, protocol::Argv argv,
                                          int protocol, std::unique_ptr<Composer>& names);

}  // namespace slotless::routing
