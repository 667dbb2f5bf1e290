// What becomes of a leg when something goes wrong on its way: another try, another node, or an error for the
// client. The decisions stand in failure_table.cpp; here they are carried out.
#pragma once
#include <string_view>
#include <vector>

#include "protocol/error_reply.h"
#include "proxy/dispatch/completion.h"
#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/redirects.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

struct Context;

class Recovery {
 public:
  Recovery(Context& context, LegSender& sender, Completion& completion)
      : context_(context), sender_(sender), completion_(completion), redirects_(context, sender) {}

  // A piece of an answer, not an error, to the question about a leg in doubt.
  void onAnswer(Leg& leg, bool last);
  void onErrorReply(Leg& leg, std::string_view line, const upstream::SentRequest& sent);
  void onLost(Leg& leg, upstream::Loss loss, const upstream::SentRequest& sent);

 private:
  void giveUpAmbiguous(Leg& leg, Trouble trouble);
  std::vector<Leg*> readsBefore(const Leg& write) const;
  bool retry(Leg& leg, Trouble trouble, std::string_view line, const protocol::ErrorReply& error,
             const upstream::SentRequest& sent);
  void settleDoubt(Leg& leg, bool refused);
  bool loadScript(Leg& leg, const upstream::SentRequest& sent);
  bool askOthers(Leg& leg, const upstream::SentRequest& sent);
  bool splitPerKey(Leg& leg, const upstream::SentRequest& sent);

  Context& context_;
  LegSender& sender_;
  Completion& completion_;
  Redirects redirects_;
};

}  // namespace slotless::session
