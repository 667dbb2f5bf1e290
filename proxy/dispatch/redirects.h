// Where a leg goes that a node has sent on to another one.
#pragma once
#include <string_view>

#include "protocol/error_reply.h"
#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

struct Context;

class Redirects {
 public:
  Redirects(Context& context, LegSender& sender) : context_(context), sender_(sender) {}

  // False: the redirect is none that a node makes for this request; it is the client's.
  bool follow(Leg& leg, std::string_view line, const protocol::ErrorReply& error,
              const upstream::SentRequest& sent);

 private:
  bool awaitWholeSlot(Leg& leg, const upstream::SentRequest& sent);
  bool awaitTopology(Leg& leg, std::string_view line, const upstream::SentRequest& sent);

  Context& context_;
  LegSender& sender_;
};

}  // namespace slotless::session
