// EXEC's reply, where the node's is not the client's as it is: with the replies of the commands that the
// proxy answers itself in their places.
#pragma once
#include <memory>

#include "proxy/dispatch/reply_hook.h"
#include "proxy/session/transaction.h"

namespace slotless::session {

struct Services;

class ExecReply final : public ReplyHook {
 public:
  ExecReply(const Services& services, std::unique_ptr<Transaction> transaction)
      : services_(services), transaction_(std::move(transaction)) {}

  void begin(Request& request) override;
  bool assemble(Request& request, std::string& out, WorkBudget& budget) override;
  bool isLong() const noexcept override { return transaction_->isLong(); }
  bool discard(WorkBudget& budget) override { return transaction_->discard(budget); }
  std::size_t memoryBytes() const noexcept override { return transaction_->memoryBytes(); }

 private:
  const Services& services_;
  const std::unique_ptr<Transaction> transaction_;
  Transaction::RunLocal run_;
  bool heard_ = false;  // CLIENT REPLY has not switched replies off before
  Transaction::Position position_;
};

}  // namespace slotless::session
