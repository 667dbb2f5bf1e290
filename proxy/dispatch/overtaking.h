// Whether a request that a node has not carried out has missed its turn: it must not be carried out after
// later ones of its client about the same slot.
#pragma once
#include "proxy/dispatch/request.h"

namespace slotless::session {

// It waits because a node has refused it for a while, which may have carried out the next one. Not because of
// ASK about one key: there the node says where to go, and only other keys of the slot can have been served;
// but a request about several keys may be refused for one of them, and the next one be about another.
bool wasRefused(const Leg& leg);
// A later one has been answered, and so may have been carried out.
bool wasOvertaken(const Leg& leg);
// A later one has been sent, and is perhaps carried out by now.
bool mayBeOvertaken(const Leg& leg);

}  // namespace slotless::session
