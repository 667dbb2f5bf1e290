// Legs that go by the lease of their client's watch, when that says nothing any more: EXEC answers nil, as if
// a watched key had changed.
#pragma once
#include "proxy/dispatch/failure_table.h"

namespace slotless::session {

class Completion;
class Leg;

// With a watch, what cannot be run at once on the lease counts as "a watched key has changed". True: dealt
// with.
bool failOnWatch(Completion& completion, Leg& leg, Trouble trouble);
// The leg needs a watch that is lost.
bool hasLostWatch(const Leg& leg);

}  // namespace slotless::session
