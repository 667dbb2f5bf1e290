#include "proxy/session/exec_reply.h"

#include "proxy/emulation/publishing.h"
#include "proxy/session/client.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/services.h"

namespace slotless::session {

void ExecReply::begin(Request& request) {
  Client& client = clientOf(request);
  run_ = services_.localAnswers.runnerFor(client);
  heard_ = !client.replySwitch().off();
}

bool ExecReply::assemble(Request& request, std::string& out, WorkBudget& budget) {
  const auto correct = [&](std::string_view channel, protocol::Slot, std::string_view published,
                           std::string& corrected) {
    appendPublished(services_, channel, request.leg(0).slot, published, corrected);
  };
  if (!transaction_->assemble(position_, request.leg(0).reply.view(), run_, correct, out, budget))
    return false;
  // CLIENT REPLY OFF among them
  request.muted = request.muted || (heard_ && clientOf(request).replySwitch().off());
  return true;
}

}  // namespace slotless::session
