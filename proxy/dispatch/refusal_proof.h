// Whether an error of a script in the server's own words is the server's: a script may return the same text
// after it has written. A node that refuses a request for the state it is in refuses a plain read of the same
// keys, too, and then it has not run the request. So it is asked to, on the same link, in place of the
// request (Leg::inDoubt).
//
// Source: Redis 7.0 processCommand(): what is checked before a command is run.
#pragma once
#include <string_view>

#include "proxy/dispatch/request.h"

namespace slotless::session {

struct Context;

// False: it cannot be asked, and the error is the client's. `sent` is not valid any more after true.
bool askForProof(Context& context, Leg& leg, Trouble trouble, std::string_view line,
                 const upstream::SentRequest& sent);
// `line`: the error that the question was answered with.
bool provesRefusal(std::string_view line);

}  // namespace slotless::session
