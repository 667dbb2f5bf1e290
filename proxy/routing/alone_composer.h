// The reply of a transaction that consists of one command for several nodes: what the command's own reply
// would be, in an array of one.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "proxy/routing/plan.h"

namespace slotless::routing {

class AloneComposer final : public Composer {
 public:
  // `inner`: what makes the command's reply; nullptr: the merge does.
  AloneComposer(std::unique_ptr<Composer> inner, Merge merge) : inner_(std::move(inner)), merge_(merge) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override;
  bool goOn(std::span<const PartReply> parts, Plan& plan) override;
  bool isLastStage() const override;
  bool canForgo() const override;

 private:
  std::unique_ptr<Composer> inner_;
  Merge merge_;
};

}  // namespace slotless::routing
