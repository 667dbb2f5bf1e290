#include "proxy/session/group_replies.h"

#include <utility>

#include "proxy/emulation/publishing.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/services.h"

namespace slotless::session {

GroupReplies::GroupReplies(const Services& services, Client& client, std::unique_ptr<Transaction> transaction,
                           std::string_view exec)
    : services_(services),
      client_(client),
      transaction_(std::move(transaction)),
      groups_(transaction_->takeGroups(exec)) {}

void GroupReplies::ask(routing::Plan& plan) {
  Transaction::Group& group = groups_[next_++];
  plan.clear();
  plan.kind = routing::Plan::Kind::Prepared;
  plan.staged = true;
  plan.fromMasters = true;
  plan.writes = !transaction_->readOnly();
  plan.preludes = static_cast<std::uint32_t>(group.commands) + 1;
  routing::addPart(plan, group.slot).request = std::exchange(group.batch, {});
}

bool GroupReplies::goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) {
  replies_.emplace_back(parts.front().bytes);
  if (next_ == groups_.size()) return false;
  ask(plan);
  return true;
}

bool GroupReplies::compose(std::span<const routing::PartReply>, std::string& out) {
  const bool heard = !client_.replySwitch().off();
  const auto correct = [this](std::string_view channel, protocol::Slot slot, std::string_view published,
                              std::string& corrected) {
    appendPublished(services_, channel, slot, published, corrected);
  };
  const std::string joined = transaction_->join(groups_, replies_);
  std::string reply;  // what runs may use the scratch space that `out` is
  transaction_->assemble(joined, services_.localAnswers.runnerFor(client_), correct, reply);
  out = std::move(reply);
  // CLIENT REPLY OFF among them
  if (heard && client_.replySwitch().off()) client_.pending().head()->muted = true;
  return !routing::isErrorReply(out);
}

}  // namespace slotless::session
