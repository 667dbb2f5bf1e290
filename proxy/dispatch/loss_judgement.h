// Whose doing it was that a link broke, as far as one of its requests is concerned.
#pragma once
#include "proxy/dispatch/failure_table.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

class Leg;
struct Context;

// Notes what is suspect from now on.
Trouble judgeLoss(Context& context, Leg& leg, upstream::Loss loss, const upstream::SentRequest& sent);

}  // namespace slotless::session
