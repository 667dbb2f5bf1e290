#include "proxy/routing/prepared_request.h"

#include "protocol/encoder.h"
#include "protocol/slot.h"

namespace slotless::routing {

Part& addPart(Plan& plan, protocol::Slot slot) {
  if (plan.parts.size() == plan.partCount) plan.parts.emplace_back();
  Part& part = plan.parts[plan.partCount++];
  part.slot = slot;
  part.keys.clear();
  part.request.clear();
  return part;
}

Part& addPart(Plan& plan, protocol::Slot slot, const std::vector<std::string_view>& words) {
  Part& part = addPart(plan, slot);
  protocol::appendRequest(part.request, words);
  return part;
}

void askOwner(Plan& plan, std::string_view key, const std::vector<std::string_view>& words, bool writes) {
  plan.clear();
  plan.kind = Plan::Kind::Prepared;
  plan.staged = true;
  plan.writes = writes;
  addPart(plan, protocol::slotOf(key), words);
}

}  // namespace slotless::routing
