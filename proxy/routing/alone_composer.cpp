#include "proxy/routing/alone_composer.h"

#include "protocol/encoder.h"
#include "proxy/routing/merger.h"

namespace slotless::routing {

bool AloneComposer::compose(std::span<const PartReply> parts, std::string& out) {
  protocol::appendArrayHeader(out, 1);
  return inner_ != nullptr ? inner_->compose(parts, out) : mergeReplies(merge_, parts, out);
}

bool AloneComposer::goOn(std::span<const PartReply> parts, Plan& plan) {
  return inner_ != nullptr && inner_->goOn(parts, plan);
}

bool AloneComposer::isLastStage() const {
  return inner_ == nullptr || inner_->isLastStage();
}

bool AloneComposer::canForgo() const {
  return inner_ == nullptr || inner_->canForgo();
}

}  // namespace slotless::routing
