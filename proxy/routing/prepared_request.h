// Requests of the proxy's own as a stage of a plan.
#pragma once
#include <string_view>
#include <vector>

#include "proxy/routing/plan.h"

namespace slotless::routing {

// One more part of a plan that is Prepared, for the owner of the slot; its request is empty, or these words.
Part& addPart(Plan& plan, protocol::Slot slot);
Part& addPart(Plan& plan, protocol::Slot slot, const std::vector<std::string_view>& words);

// The plan becomes a stage that sends these words to the owner of the key's slot. `writes`: see Plan.
void askOwner(Plan& plan, std::string_view key, const std::vector<std::string_view>& words, bool writes);

}  // namespace slotless::routing
