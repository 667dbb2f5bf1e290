// Held legs whose time is up.
#pragma once
#include <string_view>
#include <vector>

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
  // Of these, which are in the order of the client's requests; see HeldReasons.
  std::vector<std::string_view> reasonsOf(Downstream& client, const std::vector<Leg*>& legs) const;
  void expireLeg(Leg& leg, std::string_view reason);
  bool isForged(const Leg& leg) const;
  bool isForsaken(const Leg& leg) const;
  bool waitsInVain(const Leg& leg) const;

  Context& context_;
  LegSender& sender_;
  Completion& completion_;
};

}  // namespace slotless::session
