#include "proxy/commands/late_reply.h"

#include "protocol/encoder.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/slow_request.h"
#include "proxy/session/client.h"

namespace slotless::session {

Request& replyLater(LocalCall& call) {
  call.late = true;
  Request& request = call.client.addRequest(call.spec);
  request.kind = RequestKind::Read;
  std::string said;
  protocol::appendRequest(said, call.argv);
  request.said = rememberSaid(call.services, said);
  call.services.dispatcher.startLate(request);
  return request;
}

void finishLate(Services& services, Request& request, std::string_view reply) {
  services.dispatcher.finishLate(request, reply);
}

}  // namespace slotless::session
