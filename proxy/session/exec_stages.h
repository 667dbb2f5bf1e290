// The stages of an EXEC behind whose batch, or without one, several nodes or all workers have to be asked for
// some of its replies: first the node's EXEC, and then one command after the other.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "proxy/routing/plan.h"
#include "proxy/session/exec_walk.h"
#include "proxy/session/transaction.h"

namespace slotless::session {

class ExecStages final : public routing::Composer {
 public:
  // Lives as long as the client's request.
  ExecStages(Services& services, Client& client, std::unique_ptr<Transaction> transaction);

  bool goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) override;
  // For the slow log: what takes its time is the transaction.
  bool isLastStage() const override { return !walk_.begun(); }
  bool canForgo() const override { return walk_.canForgo(); }
  bool compose(std::span<const routing::PartReply> parts, std::string& out) override;

 private:
  Services& services_;
  Client& client_;
  std::unique_ptr<Transaction> transaction_;
  ExecWalk walk_;
};

}  // namespace slotless::session
