// Held legs whose time is up.
#pragma once
#include "proxy/dispatch/completion.h"
#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

struct Context;

class Expiry {
 public:
  Expiry(Context& context, LegSender& sender, Completion& completion)
      : context_(context), sender_(sender), completion_(completion) {}

  // Fails held legs of the client whose deadline has come, or that wait for nothing any more. True: others
  // wait for a node to be found.
  bool expire(Downstream& client);

 private:
  void expireLeg(Leg& leg);
  bool isForged(const Leg& leg) const;
  bool isForsaken(const Leg& leg) const;
  bool waitsInVain(const Leg& leg) const;

  Context& context_;
  LegSender& sender_;
  Completion& completion_;
};

}  // namespace slotless::session
