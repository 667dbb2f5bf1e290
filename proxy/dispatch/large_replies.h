// Replies that are more than their client may leave unread: they come on a connection of their own, whose
// reading pauses until the client has taken what is there.
//
// A shared link is never paused for one client, and how large a reply is shows only when it begins. So its
// first piece is declined, the link throws the rest away, and the read is repeated alone; the like of it goes
// alone from the start for a while (Suspects). Only for strings: the size of an array is not told.
//
// A node carries out all requests that it finds in one connection's input before it looks at another
// connection, so some clients that ask for large values at once, all by the shared link, keep it from
// everybody for as long as it takes to copy all of these values. What has had a reply that others waited for,
// and what reads a key that was written large, goes alone, too: one of a client at a time, as if each client
// had a connection to the node.
#pragma once
#include <cstdint>

#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

class Downstream;
struct Context;

// Such a read takes its turn as the first of its client: it would be paused behind another one that needs a
// connection of its own, too.
bool awaitsTurn(const Leg& leg) noexcept;

class LargeReplies {
 public:
  LargeReplies(Context& context, LegSender& sender) : context_(context), sender_(sender) {}

  // True: the leg has left its link, and what comes there is not wanted.
  bool decline(Leg& leg, std::uint64_t left, const upstream::SentRequest& sent);
  // Its reply is large, and is taken where it comes: the like of it goes alone from now on.
  void note(const Leg& leg, const upstream::SentRequest& sent);
  // The client of the request has taken something, or room has been made.
  void goOn(Downstream& client);

 private:
  Context& context_;
  LegSender& sender_;
};

// A piece of the reply has been given to the client, and more will come.
void pauseIfUnread(Leg& leg);

}  // namespace slotless::session
