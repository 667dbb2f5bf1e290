#include "proxy/session/group_replies.h"

#include <utility>

#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

GroupReplies::GroupReplies(Services& services, Client& client, std::unique_ptr<Transaction> transaction,
                           std::string_view exec)
    : transaction_(std::move(transaction)),
      groups_(transaction_->takeGroups(exec)),
      walk_(services, client, *transaction_) {}

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
  if (!walk_.begun()) {
    replies_.emplace_back(parts.front().bytes);
    if (next_ < groups_.size()) {
      ask(plan);
      return true;
    }
    walk_.begin(transaction_->join(groups_, replies_), protocol::kNoSlot);
  }
  return walk_.goOn(parts, plan);
}

bool GroupReplies::compose(std::span<const routing::PartReply>, std::string& out) {
  out += walk_.takeReply();
  return !routing::isErrorReply(out);
}

}  // namespace slotless::session
