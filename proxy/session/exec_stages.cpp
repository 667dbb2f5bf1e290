#include "proxy/session/exec_stages.h"

#include <utility>

#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

ExecStages::ExecStages(Services& services, Client& client, std::unique_ptr<Transaction> transaction)
    : services_(services),
      client_(client),
      transaction_(std::move(transaction)),
      walk_(services, client, *transaction_) {}

bool ExecStages::goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) {
  if (!walk_.begun()) walk_.begin(std::string(parts.front().bytes), client_.pending().head()->leg(0).slot);
  return walk_.goOn(parts, plan);
}

bool ExecStages::compose(std::span<const routing::PartReply>, std::string& out) {
  out += walk_.takeReply();
  // The walk is over.
  if (transaction_->isLong()) services_.workbench.discard(std::move(transaction_));
  return !routing::isErrorReply(out);
}

}  // namespace slotless::session
