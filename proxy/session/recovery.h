// What becomes of a leg when something goes wrong on its way: another try, another node, or an error for the
// client. The decisions stand in failure_table.cpp; here they are carried out.
#pragma once
#include <string_view>

#include "protocol/error_reply.h"
#include "proxy/session/completion.h"
#include "proxy/session/leg_sender.h"
#include "proxy/session/request.h"

namespace slotless::session {

struct Services;

class Recovery {
 public:
  Recovery(Services& services, LegSender& sender, Completion& completion)
      : services_(services), sender_(sender), completion_(completion) {}

  // A piece of an answer, not an error, to the question about a leg in doubt.
  void onAnswer(Leg& leg, bool last);
  void onErrorReply(Leg& leg, std::string_view line, const upstream::SentRequest& sent);
  void onLost(Leg& leg, upstream::Loss loss, const upstream::SentRequest& sent);
  // Fails held legs of the client whose deadline has come. True: others wait for a node to be found.
  bool expire(Client& client);

 private:
  Trouble judgeLoss(Leg& leg, upstream::Loss loss, const upstream::SentRequest& sent);
  Trouble judgeSuspect(Leg& leg, bool atFront, const upstream::SentRequest& sent);
  bool retry(Leg& leg, Trouble trouble, std::string_view line, const protocol::ErrorReply& error,
             const upstream::SentRequest& sent);
  void settleDoubt(Leg& leg, bool refused);
  bool redirect(Leg& leg, std::string_view line, const protocol::ErrorReply& error,
                const upstream::SentRequest& sent);
  bool awaitWholeSlot(Leg& leg, const upstream::SentRequest& sent);
  bool awaitTopology(Leg& leg, const upstream::SentRequest& sent);
  bool loadScript(Leg& leg, const upstream::SentRequest& sent);
  bool splitPerKey(Leg& leg, const upstream::SentRequest& sent);
  bool failTransaction(Leg& leg, Trouble trouble);
  void expireLeg(Leg& leg);
  bool isForged(const Leg& leg) const;
  bool isForsaken(const Leg& leg) const;
  bool hasLostWatch(const Leg& leg) const;
  bool waitsInVain(const Leg& leg) const;

  Services& services_;
  LegSender& sender_;
  Completion& completion_;
};

}  // namespace slotless::session
