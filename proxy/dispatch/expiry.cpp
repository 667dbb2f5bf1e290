#include "proxy/dispatch/expiry.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/held_reasons.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/large_replies.h"
#include "proxy/dispatch/lost_watch.h"

namespace slotless::session {

namespace {

// A look-up of the topology that was under way may have asked before the change: the second one counts.
constexpr std::uint64_t kRoundsToBeSure = 2;

}  // namespace

bool Expiry::expire(Downstream& client) {
  // Collected first: failing a leg can end its request and others behind it.
  std::vector<Leg*> expired;
  bool missesNode = false;
  std::vector<protocol::Slot> slow;
  for (Request* request = client.pending().head(); request != nullptr; request = request->next) {
    for (std::size_t i = 0; i < request->legCount(); ++i) {
      Leg& leg = request->leg(i);
      // A large reply takes as long as its client, and what follows it about the slot waits for it.
      const bool behind = std::find(slow.begin(), slow.end(), leg.slot) != slow.end();
      if (leg.detour != nullptr && leg.detour->large && leg.state != LegState::Done) slow.push_back(leg.slot);
      if (leg.state != LegState::Held) continue;
      if (awaitsTurn(leg) || (behind && !request->blockedUntil))
        leg.detour->deadline = context_.host.now + context_.config.holdTimeout;
      if (context_.host.now >= leg.detour->deadline || isForged(leg) || isForsaken(leg) ||
          hasLostWatch(leg) || waitsInVain(leg)) {
        expired.push_back(&leg);
      } else {
        missesNode = missesNode || sender_.missesNode(leg);
      }
    }
  }
  if (expired.empty()) return missesNode;
  // Also before: what one of them waits for may be gone with another one.
  const std::vector<std::string_view> reasons = reasonsOf(client, expired);
  for (std::size_t i = 0; i < expired.size(); ++i) {
    context_.holding.remove(client, *expired[i]);
    expireLeg(*expired[i], reasons[i]);
  }
  return missesNode;
}

std::vector<std::string_view> Expiry::reasonsOf(Downstream& client, const std::vector<Leg*>& legs) const {
  HeldReasons reasons(sender_);
  std::vector<std::string_view> all;
  for (Request* request = client.pending().head(); request != nullptr && all.size() < legs.size();
       request = request->next) {
    for (std::size_t i = 0; i < request->legCount() && all.size() < legs.size(); ++i) {
      const Leg& leg = request->leg(i);
      if (&leg == legs[all.size()]) all.push_back(reasons.of(leg));
      reasons.show(leg);
    }
  }
  return all;
}

void Expiry::expireLeg(Leg& leg, std::string_view reason) {
  Request& request = *leg.request;
  if (hasLostWatch(leg) && failOnWatch(completion_, leg, Trouble::Unsent)) return;
  if (isForged(leg)) return completion_.failLeg(leg, std::string(leg.detour->redirectLine));
  if (isForsaken(leg) || leg.detour->dispensable) return completion_.forgoLeg(leg);
  if (request.spec->forgoesAbsent && leg.detour->sticky && sender_.missesNode(leg))
    return completion_.forgoLeg(leg);
  if (request.wait) return completion_.failLeg(leg, request.wait->nobody);
  if (request.blockedUntil && context_.host.now >= *request.blockedUntil) {
    return completion_.timeOut(leg);
  }
  completion_.failLeg(leg, reason);
}

// A script's redirect to a node that the cluster does not have, even after the topology was looked up anew.
bool Expiry::isForged(const Leg& leg) const {
  const Detour& detour = *leg.detour;
  const RequestKind kind = leg.request->kind;
  const bool foreignText = kind == RequestKind::ScriptRead || kind == RequestKind::ScriptWrite;
  return foreignText && detour.awaitsTarget &&
         context_.confirmations >= detour.confirmation + kRoundsToBeSure &&
         !context_.links.topology().find(*detour.target);
}

// Meant for one certain node that has left the cluster and has no successor: a replica, or a master without
// slots.
bool Expiry::isForsaken(const Leg& leg) const {
  const Detour& detour = *leg.detour;
  if (!detour.sticky || detour.anchor != protocol::kNoSlot || leg.slot != protocol::kNoSlot) return false;
  // One that is not of the cluster any more, and may still be at a script.
  if (detour.dispensable) return false;
  const cluster::Topology& topology = context_.links.topology();
  const auto node = topology.find(*detour.target);
  // A demoted master had no slots any more, but still counted as one.
  return !node || (detour.trouble == Trouble::ReadOnly && !topology.nodes[*node].master);
}

// WAIT asks the master that has the writes; when its time is up, or its place taken, nobody else can answer.
bool Expiry::waitsInVain(const Leg& leg) const {
  const auto& wait = leg.request->wait;
  if (!wait) return false;
  return (wait->until && context_.host.now >= *wait->until) ||
         !context_.links.topology().ownsSlots(*leg.detour->target);
}

}  // namespace slotless::session
