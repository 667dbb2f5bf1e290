// Whether a request that a node has not carried out has missed its turn: it must not be carried out after
// later ones of its client about the same slot.
#pragma once
#include "proxy/session/request.h"

namespace slotless::session {

// A later one has been answered, and so may have been carried out.
bool wasOvertaken(const Leg& leg);
// A later one has been sent, and is perhaps carried out by now.
bool mayBeOvertaken(const Leg& leg);

}  // namespace slotless::session
