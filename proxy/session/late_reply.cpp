#include "proxy/session/late_reply.h"

#include "proxy/session/client.h"
#include "proxy/session/dispatcher.h"

namespace slotless::session {

Request& replyLater(LocalCall& call) {
  call.late = true;
  Request& request = call.client.addRequest(call.spec);
  request.kind = RequestKind::Read;
  call.services.dispatcher.startLate(request);
  return request;
}

void finishLate(Services& services, Request& request, std::string_view reply) {
  services.dispatcher.finishLate(request, reply);
}

}  // namespace slotless::session
