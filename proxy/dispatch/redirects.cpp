#include "proxy/dispatch/redirects.h"

#include <memory>
#include <optional>
#include <string>

#include "proxy/dispatch/context.h"
#include "proxy/dispatch/surroundings.h"

namespace slotless::session {

using upstream::SentRequest;

namespace {

// Where a redirect leads. A node that is to be called by its name, and has none, is "?": then its port has to
// tell it from the others. nullopt: it does not.
std::optional<net::Address> addressIn(const protocol::ErrorReply& error, const net::Address& asked,
                                      const cluster::Topology& topology) {
  if (error.host.empty()) return net::Address{asked.host, error.port};
  if (error.host != "?") return topology.addressMap.translate({std::string(error.host), error.port});
  std::optional<net::Address> found;
  for (const cluster::Node& node : topology.nodes) {
    if (node.address.port != error.port || node.address == asked) continue;
    if (found) return std::nullopt;
    found = node.address;
  }
  return found;
}

}  // namespace

bool Redirects::follow(Leg& leg, std::string_view line, const protocol::ErrorReply& error,
                       const SentRequest& sent) {
  if (leg.slot == protocol::kNoSlot || error.slot != leg.slot) return false;
  const net::Address& asked = leg.link->node();
  const auto announced = addressIn(error, asked, context_.links.topology());
  if (!announced) return awaitTopology(leg, line, sent);
  const net::Address& target = *announced;
  if (target == asked) return false;
  const bool ask = error.errorClass == protocol::ErrorClass::Ask;
  if (ask && leg.request->wantsWholeSlot) return awaitWholeSlot(leg, sent);
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  Detour& detour = *leg.detour;
  const cluster::Topology& topology = context_.links.topology();
  const bool known = topology.find(target).has_value();
  detour.target = target;
  detour.targetVersion = topology.version;
  detour.asking = ask;
  detour.awaitsTarget = !known;
  detour.confirmation = context_.confirmations;
  detour.redirectLine = known ? std::string_view() : line;
  if (ask) sender_.markMoving(leg.slot);
  if (!ask || !known) context_.wishes.refreshTopology(!known);
  sender_.holdAgain(leg, ask ? Trouble::Ask : Trouble::Moved, sent);
  return true;
}

// A part of the slot is elsewhere already, and neither node will answer for both.
bool Redirects::awaitWholeSlot(Leg& leg, const SentRequest& sent) {
  sender_.markMoving(leg.slot);
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  leg.detour->notBefore = context_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, Trouble::TryAgain, sent);
  return true;
}

// A node that is to be called by a name which the one that redirects does not know. The topology knows it by
// its id.
bool Redirects::awaitTopology(Leg& leg, std::string_view line, const SentRequest& sent) {
  const RequestKind kind = leg.request->kind;
  if (kind == RequestKind::ScriptRead || kind == RequestKind::ScriptWrite)
    return false;  // it may say so itself
  context_.wishes.refreshTopology(true);
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  leg.detour->target.reset();
  leg.detour->asking = false;
  leg.detour->redirectLine = line;
  leg.detour->notBefore = context_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, Trouble::Moved, sent);
  return true;
}

}  // namespace slotless::session
