#include "proxy/dispatch/failure_table.h"

#include <array>

#include "proxy/dispatch/reply_texts.h"

namespace slotless::session {

using protocol::ErrorClass;

namespace {

using enum Action;

struct Row {
  Trouble trouble;
  std::string_view name;
  std::array<Action, kRequestKindCount>
      actions;  // Read, Write, ScriptRead, ScriptWrite, Blocking, Transaction
};

constexpr std::array<Row, kTroubleCount> kRows = {{
    // No node can have run it.
    {Trouble::Unsent, "unsent", {Reroute, Reroute, Reroute, Reroute, Reroute, Reroute}},
    // Repeating a read harms nobody; a write may have been run.
    {Trouble::LostSent, "lost", {Reroute, Ambiguous, Reroute, Ambiguous, Ambiguous, Ambiguous}},
    // A connection that this one request has broken may have carried many others: the second one carries
    // none.
    {Trouble::Suspected, "suspected", {RepeatAlone, Ambiguous, RepeatAlone, Ambiguous, Ambiguous, Ambiguous}},
    {Trouble::BrokeAgain, "broke again", {GiveUp, Ambiguous, GiveUp, Ambiguous, Ambiguous, Ambiguous}},
    // What may have frozen or ended one node must not do so to its replica.
    {Trouble::RanLong, "ran long", {GiveUp, Ambiguous, GiveUp, Ambiguous, Ambiguous, Ambiguous}},
    // Without its end no node can run it; EXEC is the end of a transaction.
    {Trouble::UnsentLarge,
     "unsent, large",
     {RepeatAlone, RepeatAlone, RepeatAlone, RepeatAlone, RepeatAlone, RepeatAlone}},
    {Trouble::RefusedAgain, "refused again", {GiveUp, GiveUp, GiveUp, GiveUp, GiveUp, GiveUp}},
    // Sent again it would wait for the same node.
    {Trouble::Late, "late", {GiveUp, Ambiguous, GiveUp, Ambiguous, Ambiguous, Ambiguous}},
    // Answered before anything is run. Slot and target are checked before this table is asked: a script can
    // return
    // these texts as well.
    {Trouble::Moved, "moved", {Reroute, Reroute, Reroute, Reroute, Reroute, Reroute}},
    {Trouble::Ask, "ask", {Reroute, Reroute, Reroute, Reroute, Reroute, Reroute}},
    // States that pass. What a script meets of the first three it words otherwise, but one that has written
    // may return the server's words as its own: then the node still serves its keys.
    {Trouble::TryAgain,
     "tryagain",
     {RetryLater, RetryLater, RetryLater, RetryOnProof, RetryLater, RetryLater}},
    {Trouble::ClusterDown,
     "clusterdown",
     {RetryLater, RetryLater, RetryLater, RetryOnProof, RetryLater, RetryLater}},
    {Trouble::Loading, "loading", {RetryLater, RetryLater, RetryLater, RetryOnProof, RetryLater, RetryLater}},
    // These it meets half-way in the same words, and plain reads prove nothing.
    {Trouble::ReadOnly, "readonly", {RetryLater, RetryLater, RetryLater, PassOn, RetryLater, RetryLater}},
    {Trouble::MasterDown, "masterdown", {RetryLater, RetryLater, RetryLater, PassOn, RetryLater, RetryLater}},
    // Answered before anything is run; once per request, since a script could say so too.
    {Trouble::NoScript, "noscript", {PassOn, PassOn, LoadScript, LoadScript, PassOn, PassOn}},
    // What cannot write does no harm where it ends half-way.
    {Trouble::ForeignKey, "foreign key", {PassOn, PassOn, AskOthers, PassOn, PassOn, PassOn}},
    // Answered before anything is run. A link is not made again because some script says so.
    {Trouble::NoAuth, "noauth", {RetryLater, RetryLater, RetryOnProof, RetryOnProof, RetryLater, RetryLater}},
    {Trouble::NoPerm, "noperm", {RetryLater, RetryLater, PassOn, PassOn, RetryLater, RetryLater}},
    // Only what blocks can be unblocked; XREAD is a read.
    {Trouble::Unblocked, "unblocked", {RetryLater, PassOn, PassOn, PassOn, RetryLater, PassOn}},
    {Trouble::None, "none", {PassOn, PassOn, PassOn, PassOn, PassOn, PassOn}},
}};

consteval bool rowsAreInOrder() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].trouble) != i) return false;
  }
  return true;
}
static_assert(rowsAreInOrder());

}  // namespace

Trouble troubleOf(ErrorClass errorClass) noexcept {
  switch (errorClass) {
    case ErrorClass::Moved: return Trouble::Moved;
    case ErrorClass::Ask: return Trouble::Ask;
    case ErrorClass::TryAgain: return Trouble::TryAgain;
    case ErrorClass::ClusterDown: return Trouble::ClusterDown;
    case ErrorClass::Loading: return Trouble::Loading;
    case ErrorClass::ReadOnly: return Trouble::ReadOnly;
    case ErrorClass::MasterDown: return Trouble::MasterDown;
    case ErrorClass::NoScript: return Trouble::NoScript;
    case ErrorClass::ForeignKey: return Trouble::ForeignKey;
    case ErrorClass::NoAuth: return Trouble::NoAuth;
    case ErrorClass::NoPerm: return Trouble::NoPerm;
    case ErrorClass::Unblocked: return Trouble::Unblocked;
    default: return Trouble::None;
  }
}

RequestKind kindOf(const protocol::CommandSpec& spec) noexcept {
  // What runs scripts takes keys; what administers them (SCRIPT LOAD, FUNCTION LOAD …) takes none.
  const bool runsScripts =
      spec.in(protocol::kCategoryScripting) && (spec.has(protocol::kMovableKeys) || !spec.keySpecs.empty());
  const bool foreignText = runsScripts || spec.has(protocol::kModule);
  if (spec.role == protocol::SessionRole::Blocking) return RequestKind::Blocking;
  if (spec.retryAfterLoss) return foreignText ? RequestKind::ScriptRead : RequestKind::Read;
  return foreignText ? RequestKind::ScriptWrite : RequestKind::Write;
}

Action actionFor(Trouble trouble, RequestKind kind, bool serverText) noexcept {
  const Action action = kRows[static_cast<std::size_t>(trouble)].actions[static_cast<std::size_t>(kind)];
  // CLIENT UNBLOCK's text begins alike and is the client's.
  const bool foreignText =
      kind == RequestKind::ScriptRead || kind == RequestKind::ScriptWrite || trouble == Trouble::Unblocked;
  const bool byText = action == RetryLater || action == RetryOnProof || action == LoadScript;
  return byText && foreignText && !serverText ? PassOn : action;
}

bool wasSent(Trouble trouble) noexcept {
  return trouble == Trouble::LostSent || trouble == Trouble::Suspected || trouble == Trouble::BrokeAgain ||
         trouble == Trouble::RanLong || trouble == Trouble::Late;
}

std::string_view textOf(Trouble trouble, Action action) noexcept {
  const bool late = trouble == Trouble::Late;
  if (action == Ambiguous) return late ? reply_texts::kLateWrite : reply_texts::kAmbiguous;
  if (late) return reply_texts::kLate;
  if (trouble == Trouble::RanLong) return reply_texts::kRanLong;
  return trouble == Trouble::RefusedAgain ? reply_texts::kTooLarge : reply_texts::kBrokeAgain;
}

std::string_view troubleName(Trouble trouble) noexcept {
  return kRows[static_cast<std::size_t>(trouble)].name;
}

}  // namespace slotless::session
