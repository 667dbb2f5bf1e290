#include "proxy/dispatch/large_replies.h"

#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/link_choice.h"
#include "proxy/dispatch/overtaking.h"
#include "proxy/dispatch/suspects.h"

namespace slotless::session {

bool awaitsTurn(const Leg& leg) noexcept {
  return leg.detour->large && !leg.request->isHead();
}

bool LargeReplies::decline(Leg& leg, std::uint64_t left, const upstream::SentRequest& sent) {
  const Request& request = *leg.request;
  if (request.client == nullptr || request.kind != RequestKind::Read || !request.streams()) return false;
  if (leg.inDoubt() || context_.holding.off() || !request.client->overfills(left)) return false;
  // Repeated, it would see what came after it.
  if (readsFromReplica(leg) || mayBeOvertaken(leg)) return false;
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  leg.detour->alone = leg.detour->large = true;
  leg.detour->suspicion =
      context_.suspects.suspect(leg.slot, sent, request.frontBytes, context_.host.now, true);
  sender_.holdAgain(leg, Trouble::Unsent, sent);
  return true;
}

void LargeReplies::note(const Leg& leg, const upstream::SentRequest& sent) {
  if (leg.request->kind != RequestKind::Read || leg.slot == protocol::kNoSlot) return;
  context_.suspects.suspect(leg.slot, sent, leg.request->frontBytes, context_.host.now, true);
}

void LargeReplies::goOn(Downstream& client) {
  const Request* head = client.pending().head();
  if (head == nullptr || !head->streams()) return;
  const Leg& leg = head->leg(0);
  upstream::Link* const link = leg.detour == nullptr ? nullptr : leg.detour->lone.link();
  if (link != nullptr) link->resumeReading();
}

void pauseIfUnread(Leg& leg) {
  Downstream* const client = leg.request->client;
  if (client == nullptr || leg.detour == nullptr || leg.link == nullptr) return;
  if (leg.detour->lone.link() != leg.link || !leg.request->isHead()) return;
  if (client->awaitRoom()) leg.link->pauseReading();
}

}  // namespace slotless::session
