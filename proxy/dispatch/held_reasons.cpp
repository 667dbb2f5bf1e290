#include "proxy/dispatch/held_reasons.h"

#include <algorithm>
#include <iterator>

#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/leases.h"
#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/reply_texts.h"

namespace slotless::session {

namespace {

struct RefusalText {
  Trouble trouble;
  std::string_view text;
};
constexpr RefusalText kRefusalTexts[] = {
    {Trouble::TryAgain, reply_texts::kTryAgain},
    {Trouble::ClusterDown,
     "-CLUSTERDOWN The node says CLUSTERDOWN: the cluster is down, or has nobody for the slot\r\n"},
    {Trouble::Loading, "-CLUSTERDOWN The node says LOADING: it is still loading its data\r\n"},
    {Trouble::ReadOnly,
     "-CLUSTERDOWN The node says READONLY: it is a replica, and no master has been found\r\n"},
    {Trouble::MasterDown,
     "-CLUSTERDOWN The node says MASTERDOWN: it is a replica that has lost its master\r\n"},
    {Trouble::NoAuth, "-CLUSTERDOWN The node says NOAUTH: it does not know who the proxy is\r\n"},
    {Trouble::NoPerm, "-CLUSTERDOWN The node says NOPERM: the proxy's user may not do that\r\n"},
};

const RefusalText* refusalTextOf(Trouble trouble) noexcept {
  const auto* found = std::find_if(std::begin(kRefusalTexts), std::end(kRefusalTexts),
                                   [&](const RefusalText& each) { return each.trouble == trouble; });
  return found == std::end(kRefusalTexts) ? nullptr : found;
}

bool isRedirected(const Leg& leg) noexcept {
  return leg.detour->trouble == Trouble::Moved || leg.detour->trouble == Trouble::Ask;
}

bool onlyReplicasWillDo(const Leg& leg) {
  return readsFromReplica(leg) && leg.request->client->readFrom == config::ReadFrom::Replica;
}

// Any node will do: which of them is in the way nobody can tell.
bool goesAnywhere(const Leg& leg) noexcept {
  return leg.slot == protocol::kNoSlot && !leg.detour->target;
}

bool hasOwnConnection(const Leg& leg) {
  return leg.request->lease || leg.detour->alone || leg.request->client->leases().engaged();
}

}  // namespace

std::string_view textOfRefusal(Trouble trouble) noexcept {
  const RefusalText* known = refusalTextOf(trouble);
  return known == nullptr ? reply_texts::kNoMaster : known->text;
}

std::string_view HeldReasons::ownReason(const Leg& leg) const {
  const Detour& detour = *leg.detour;
  if (isRedirected(leg) && !detour.redirectLine.empty()) return reply_texts::kUnknownNode;
  if (onlyReplicasWillDo(leg)) {
    const RefusalText* known = refusalTextOf(detour.trouble);
    return known == nullptr ? reply_texts::kNoReplica : known->text;
  }
  // Its connection is made anew, which is no reason of its own.
  if (detour.trouble == Trouble::NoAuth) return textOfRefusal(detour.trouble);
  switch (sender_.obstacleTo(leg)) {
    case Obstacle::None: break;
    case Obstacle::NoNode:
      if (goesAnywhere(leg)) break;
      return reply_texts::kNoMaster;
    case Obstacle::NodeSilent: return reply_texts::kNodeSilent;
    case Obstacle::LinkFull: return reply_texts::kLinkFull;
    case Obstacle::LeaseLimit: return reply_texts::kNoLease;
  }
  if (const RefusalText* known = refusalTextOf(detour.trouble)) return known->text;
  return isRedirected(leg) && detour.attempts > LegSender::kQuickAttempts ? reply_texts::kRedirectLoop
                                                                          : std::string_view();
}

void HeldReasons::show(const Leg& leg) {
  if (leg.slot == protocol::kNoSlot || readsFromReplica(leg)) return;  // in no order
  const bool held = leg.state == LegState::Held;
  if (!held && leg.state != LegState::Sent) return;
  if (first_.contains(leg.slot)) return;
  const std::string_view why = held ? ownReason(leg) : reply_texts::kBehindAnother;
  if (!why.empty()) first_.emplace(leg.slot, why);
}

std::string_view HeldReasons::of(const Leg& leg) const {
  if (const std::string_view own = ownReason(leg); !own.empty()) return own;
  const auto before = first_.find(leg.slot);
  if (before != first_.end()) return before->second;
  return hasOwnConnection(leg) ? reply_texts::kNoConnection : reply_texts::kNoMaster;
}

}  // namespace slotless::session
