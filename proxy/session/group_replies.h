// A transaction over several slots (cross-slot-transactions each): one atomic group for each slot, in the
// order in which their first commands came. A group begins when the one before it has been carried out, and
// what is answered behind EXEC when the last one is.
//
// The replies of all groups become one, in the order of the commands. In the place of a group that was not
// carried out (its node has refused it, or was lost) each of its commands has the error.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/routing/plan.h"
#include "proxy/session/exec_walk.h"
#include "proxy/session/transaction.h"

namespace slotless::session {

class Client;
struct Services;

class GroupReplies final : public routing::Composer {
 public:
  // `exec`: as the client has spelled it. Lives as long as the client's request.
  GroupReplies(Services& services, Client& client, std::unique_ptr<Transaction> transaction,
               std::string_view exec);

  // The next group.
  void ask(routing::Plan& plan);

  bool goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) override;
  bool isLastStage() const override { return next_ == groups_.size() && !walk_.begun(); }
  bool canForgo() const override { return walk_.begun() && walk_.canForgo(); }
  bool compose(std::span<const routing::PartReply> parts, std::string& out) override;

 private:
  const std::unique_ptr<Transaction> transaction_;
  std::vector<Transaction::Group> groups_;
  std::vector<std::string> replies_;  // of the groups so far
  std::size_t next_ = 0;
  ExecWalk walk_;
};

}  // namespace slotless::session
