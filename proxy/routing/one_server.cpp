#include "proxy/routing/one_server.h"

namespace slotless::routing {

bool planForOneServer(const protocol::CommandSpec& spec, Plan& plan) {
  using protocol::Handling;
  const bool isAboutServers = spec.handling == Handling::FanOut || spec.handling == Handling::Admin;
  if (isAboutServers && spec.has(protocol::kAllowBusy)) return false;
  plan.clear();
  plan.keyPositions.clear();
  plan.kind = Plan::Kind::OneSlot;
  plan.slot = kSlotOfAll;
  // What names no keys may be about the server itself.
  plan.fromMasters = spec.keySpecs.empty() && spec.firstKey == 0;
  return true;
}

}  // namespace slotless::routing
