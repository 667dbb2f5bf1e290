#include "proxy/commands/late_reply.h"

#include "protocol/encoder.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/slow_request.h"
#include "proxy/session/client.h"

namespace slotless::session {

Request& replyLater(LocalCall& call) {
  call.late = true;
  if (call.inTransaction) {
    // EXEC's own request waits for it, as for a stage of what nodes are asked for.
    Request& exec = *call.client.pending().head();
    exec.dropLegs();
    exec.kind = RequestKind::Read;
    call.services.dispatcher.startLate(exec);
    return exec;
  }
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
