#include "proxy/routing/prepared_request.h"

#include "protocol/encoder.h"
#include "protocol/slot.h"

namespace slotless::routing {

void askOwner(Plan& plan, std::string_view key, const std::vector<std::string_view>& words, bool writes) {
  plan.clear();
  plan.kind = Plan::Kind::Prepared;
  plan.staged = true;
  plan.writes = writes;
  if (plan.parts.empty()) plan.parts.emplace_back();
  plan.partCount = 1;
  Part& part = plan.parts.front();
  part.slot = protocol::slotOf(key);
  part.keys.clear();
  part.request.clear();
  protocol::appendRequest(part.request, words);
}

}  // namespace slotless::routing
