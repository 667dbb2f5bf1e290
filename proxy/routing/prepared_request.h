// One request of the proxy's own as a stage of a plan.
#pragma once
#include <string_view>
#include <vector>

#include "proxy/routing/plan.h"

namespace slotless::routing {

// The plan becomes a stage that sends these words to the owner of the key's slot. `writes`: see Plan.
void askOwner(Plan& plan, std::string_view key, const std::vector<std::string_view>& words, bool writes);

}  // namespace slotless::routing
