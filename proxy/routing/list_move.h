// LMOVE and RPOPLPUSH, BLMOVE and BRPOPLPUSH between lists in different slots: the element is pushed at its
// destination and then, if it is still there, popped where it was. In between it is in both lists; if it was
// taken away meanwhile, it is taken back from its destination, and the next element has its turn. Pure.
#pragma once
#include <memory>

#include "protocol/argv.h"
#include "proxy/routing/attempts.h"

namespace slotless::routing {

// nullptr: a word in it is not what servers know. `protocol`: the client's.
std::unique_ptr<Attempts> makeListMove(protocol::Argv argv, int protocol);

}  // namespace slotless::routing
