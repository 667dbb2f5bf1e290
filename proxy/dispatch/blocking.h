// The timeouts of blocking commands: read from a request, and written anew when a command has to block again.
#pragma once
#include <optional>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"

namespace slotless::session {

// How long the command may wait. nullopt: without end, or the argument makes no sense (a node words the
// error).
std::optional<net::Millis> blockTimeoutOf(const protocol::CommandSpec& spec, protocol::Argv argv);

// Replaces the timeout in the one request that `bytes` holds. `left` is at least one millisecond: 0 would
// mean for ever.
void rewriteBlockTimeout(const protocol::CommandSpec& spec, net::Millis left, net::ByteChain& bytes);

}  // namespace slotless::session
