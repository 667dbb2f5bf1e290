#include "proxy/dispatch/loss_judgement.h"

#include <memory>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/request.h"
#include "proxy/dispatch/request_copy.h"

namespace slotless::session {

namespace {

using upstream::SentRequest;

// When no more than so many requests go down with a link, any of them may have done it: nodes answer what
// they have read at once together, so that the first one without an answer need not be the one that was run
// last.
constexpr std::size_t kFew = 16;
// To look up no more than so many keys takes a node no time that counts.
constexpr std::size_t kFewKeys = 16;
// Longer ones are not looked into for how many keys they name.
constexpr std::size_t kShortRequest = 1024;

// A few keys, and work that does not grow with what they hold.
bool isCheap(const Leg& leg, const SentRequest& sent, net::BlockPool& pool) {
  const protocol::CommandSpec& spec = *leg.request->spec;
  if (!spec.has(protocol::kFast) || leg.request->hook != nullptr || leg.request->staged) return false;
  if (spec.singleKey != 0) return true;
  if (sent.size() > kShortRequest) return false;
  const RequestCopy copy(sent, pool);
  std::vector<std::uint32_t> positions;
  if (!copy.complete()) return false;
  return protocol::keyPositions(spec, copy.argv(), positions) == protocol::KeyResult::Ok &&
         positions.size() <= kFewKeys;
}

Trouble judgeSuspect(Context& context, Leg& leg, bool atFront, const SentRequest& sent) {
  const bool lostBefore = leg.detour != nullptr && leg.detour->losses > 0;
  if (!atFront && !lostBefore && leg.link->breakage().sent > kFew) return Trouble::LostSent;
  const bool wasAlone = leg.detour != nullptr && leg.detour->repeatedAlone;
  if (atFront) {
    if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context.host.pool);
    leg.detour->suspicion =
        context.suspects.suspect(leg.slot, sent, leg.request->frontBytes, context.host.now);
  }
  return wasAlone && atFront ? Trouble::BrokeAgain : Trouble::Suspected;
}

}  // namespace

Trouble judgeLoss(Context& context, Leg& leg, upstream::Loss loss, const SentRequest& sent) {
  using upstream::Breakage;
  if (loss == upstream::Loss::Late) return Trouble::Late;
  // What blocks waits: it keeps nobody busy, and has no connection in common with others.
  if (loss == upstream::Loss::Sent && leg.request->lease == upstream::LeaseUse::Blocking)
    return Trouble::LostSent;
  Breakage& breakage = leg.link->breakage();
  const bool atFront = breakage.front == &leg;
  const bool broken = breakage.cause == Breakage::Cause::Broken;
  if (loss == upstream::Loss::Unsent) {
    if (!atFront || !broken || sent.size() < Suspects::kLarge) return Trouble::Unsent;
    context.suspects.addTooLarge(leg.link->node(), sent.size(), context.host.now);
    return leg.detour != nullptr && leg.detour->repeatedAlone ? Trouble::RefusedAgain : Trouble::UnsentLarge;
  }
  if (breakage.front == nullptr || breakage.cause == Breakage::Cause::DeadFlow) return Trouble::LostSent;
  // Told in the order of the link: those before it were too cheap to have run for so long.
  if (breakage.ranLong && !breakage.runnerFound && !isCheap(leg, sent, context.host.pool)) {
    breakage.runnerFound = true;
    return Trouble::RanLong;
  }
  return broken ? judgeSuspect(context, leg, atFront, sent) : Trouble::LostSent;
}

}  // namespace slotless::session
