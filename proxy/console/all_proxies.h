// PROXY … ALL: this proxy and the others of its cluster do the same, or show the same, and one reply says
// what came of it at each.
//
// Nobody is waited for: after a second the reply says who has not answered. See order_kinds.h for what is
// done.
#pragma once
#include <cstddef>

#include "proxy/commands/local_commands.h"

namespace slotless::session {

// The word at `place` is ALL, and the last one.
bool asksAll(const LocalCall& call, std::size_t place);
// What the call has between PROXY and ALL.
void forAllProxies(LocalCall& call);

}  // namespace slotless::session
