#include "proxy/dispatch/completion.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/error_reply.h"
#include "proxy/databases/reply_names.h"
#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/busy_watch.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/failure_tally.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/large_replies.h"
#include "proxy/dispatch/long_merge.h"
#include "proxy/dispatch/overtaking.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/dispatch/slow_request.h"
#include "proxy/dispatch/surroundings.h"
#include "proxy/dispatch/traced_request.h"
#include "proxy/dispatch/work.h"
#include "proxy/observe/latency_events.h"
#include "proxy/observe/slow_log.h"
#include "proxy/routing/merger.h"

namespace slotless::session {

namespace {

bool isAboutMoving(Trouble trouble) {
  return trouble == Trouble::TryAgain || trouble == Trouble::Ask;
}

// Its composer has much to do, and asks nobody.
class NextTurn final : public Work {
 public:
  NextTurn(Completion& completion, Request& request) : completion_(completion), request_(request) {}

  bool goOn(WorkBudget& budget) override {
    budget.spend(budget.units());
    completion_.conclude(request_, false);
    return true;
  }

 private:
  Completion& completion_;
  Request& request_;
};

}  // namespace

// Good until the next call.
const std::vector<routing::PartReply>& Completion::partsOf(const Request& request) {
  parts_.clear();
  parts_.reserve(request.legCount());
  for (std::size_t i = 0; i < request.legCount(); ++i) {
    const Leg& leg = request.leg(i);
    if (!leg.forgone) parts_.push_back({leg.reply.view(), leg.keys});
  }
  return parts_;
}

void Completion::onReply(Leg& leg, std::string_view bytes, bool last) {
  const Request& request = *leg.request;
  if (last && request.isShort() && leg.detour == nullptr && request.client != nullptr &&
      request.client->held().legs == 0)
    return finishShort(leg, bytes);
  // The write before it was refused: the number says nothing.
  if (last && request.client != nullptr && request.wait && !leg.preludeError.empty())
    return failWait(leg, {});
  deliver(leg, bytes, last);
}

void Completion::deliver(Leg& leg, std::string_view bytes, bool last) {
  Request& request = *leg.request;
  if (request.client != nullptr) {
    leg.replyBegun = true;
    if (request.streams()) {
      request.client->deliver(request, bytes);
      if (!last && leg.detour != nullptr) pauseIfUnread(leg);
    } else {
      leg.reply.append(bytes);
      request.client->charge(request, bytes.size());
    }
  }
  if (last) finishLeg(leg, false);
}

// The way of nearly all replies: deliver() and finishLeg() without what cannot be.
void Completion::finishShort(Leg& leg, std::string_view bytes) {
  Request& request = *leg.request;
  request.client->deliver(request, bytes);
  const net::Micros duration = sinceArrival(request);
  noteIfSlow(leg, duration);
  if (request.trace != nullptr) [[unlikely]] {
    traceLegDone(context_, leg, false);
    traceDone(context_, request, &request == request.client->lastWord());
  }
  noteWrite(leg);
  context_.busy.onReply(leg);
  leg.link = nullptr;
  leg.state = LegState::Done;
  request.openLegs = 0;
  finishRequest(request, &request == request.client->lastWord(), duration);
}

void Completion::failLeg(Leg& leg, std::string_view line) {
  Request& request = *leg.request;
  context_.surroundings.onError(request, line);
  if (request.trace != nullptr) traceError(leg, line);
  std::string renamed;
  const bool isScript = request.spec->scriptText > 0 || request.spec->scriptSha > 0;
  if ((request.database != nullptr || isScript) && request.composer == nullptr) {  // which does it itself
    renamed = line;
    if (request.database != nullptr) renamed = databases::withoutPrefix(line, *request.database);
    renamed = context_.wrappedScripts.asSaid(std::move(renamed));
    line = renamed;
  }
  if (request.streams()) {
    request.client->discardWaiting(request);
    request.client->deliver(request, line);
  } else {
    leg.reply.assign(line);
  }
  finishLeg(leg, true);
}

void Completion::failWait(Leg& leg, std::string_view line) {
  const std::string cause =
      leg.preludeError.empty() ? std::string(line) : std::exchange(leg.preludeError, {});
  const Trouble trouble = troubleOf(protocol::classifyError(cause).errorClass);
  const bool isItsOwn = trouble == Trouble::None || trouble == Trouble::NoPerm;
  failLeg(leg, isItsOwn ? cause : leg.request->wait->nobody);
}

void Completion::forgoLeg(Leg& leg) {
  const Request& request = *leg.request;
  std::size_t others = request.legCount();
  for (std::size_t i = 0; i < request.legCount(); ++i)
    others -= request.leg(i).forgone || &request.leg(i) == &leg ? 1U : 0U;
  const bool isMissed =
      request.composer != nullptr && !request.composer->canForgo() && !request.spec->forgoesAbsent;
  if (others == 0 || isMissed) return failLeg(leg, reply_texts::kNoMaster);
  leg.forgone = true;
  finishLeg(leg, true);
}

void Completion::timeOut(Leg& leg) {
  std::string null;
  protocol::appendNullArrayIn(null, leg.request->client->protocol);
  deliver(leg, null, true);
}

void Completion::finishLeg(Leg& leg, bool failed) {
  Request& request = *leg.request;
  if (request.openLegs == 1 && (!request.staged || request.composer->isLastStage())) {
    const bool blocks = request.lease == upstream::LeaseUse::Blocking;
    noteIfSlow(leg, blocks ? net::Micros{0} : sinceArrival(request));
  }
  if (request.trace != nullptr) traceLegDone(context_, leg, failed);
  leg.state = LegState::Done;
  if (request.client != nullptr && leg.link != nullptr) noteWrite(leg);
  if (!failed) context_.busy.onReply(leg);
  leg.link = nullptr;
  const bool freesLease = leg.detour != nullptr && leg.detour->lone.link() != nullptr;
  if (freesLease && !failed) clearSuspicion(leg);
  leg.detour.reset();
  if (freesLease) context_.holding.wakeAll();
  if (request.client != nullptr && request.client->held().legs > 0) {
    if (!failed && request.client->held().refused != nullptr) failOvertaken(leg);
    context_.agenda.add(*request.client, Task::Pump);
  }
  if (--request.openLegs > 0) return;
  if (request.client == nullptr) {
    context_.requests.put(request);
    return;
  }
  conclude(request, failed);
}

// For WAIT.
void Completion::noteWrite(const Leg& leg) {
  const RequestKind kind = leg.request->kind;
  if (kind == RequestKind::Read || kind == RequestKind::ScriptRead) return;
  leg.request->client->noteWriteTo(*leg.link, context_.links.topology());
}

void Completion::conclude(Request& request, bool failed) {
  // Whether it is gone on with for nobody may be another question now.
  if (request.client->hasLeft()) context_.agenda.add(*request.client, Task::Reap);
  if (&request == request.client->lastWord()) return finishRequest(request, true);
  if (request.staged && goOn(request)) return;
  if (!request.streams()) {
    if (auto work = longMergeOf(*this, request, partsOf(request)))
      return context_.workbench.add(request.client, std::move(work));
    failed = !mergeLegs(request, parts_);
  }
  finishRequest(request, failed);
}

// Innocent; but a large reply has to be paused for a slow client the next time, too, and keeps its node.
void Completion::clearSuspicion(const Leg& leg) {
  const std::uint64_t suspicion = leg.detour->suspicion;
  const std::uint64_t large =
      std::min<std::uint64_t>(context_.config.clientOutputSoftLimit, Suspects::kLargeValue);
  if (leg.request->replyBytes > large && suspicion != 0) {
    context_.suspects.add(leg.slot, suspicion, context_.host.now, true);
  } else {
    context_.suspects.clear(leg.slot, suspicion);
  }
}

// A node refused a request for a while and has carried out a later one of the same client and slot: what was
// refused must not be carried out after it.
void Completion::failOvertaken(const Leg& leg) {
  if (leg.slot == protocol::kNoSlot) return;
  const Request& later = *leg.request;
  Downstream& client = *later.client;
  const auto refused = client.held().refused->find(leg.slot);
  if (refused == client.held().refused->end()) return;
  std::vector<Leg*> overtaken;
  for (Leg* other : refused->second) {
    const Request& earlier = *other->request;
    const bool onlyReads = earlier.kind == RequestKind::Read && later.kind == RequestKind::Read;
    if (earlier.number < later.number && !onlyReads) overtaken.push_back(other);
  }
  for (Leg* other : overtaken) {
    context_.holding.remove(client, *other);
    failLeg(*other, isAboutMoving(other->detour->trouble) ? reply_texts::kTryAgain : reply_texts::kOvertaken);
  }
}

net::Micros Completion::sinceArrival(const Request& request) const noexcept {
  return std::chrono::duration_cast<net::Micros>(context_.host.now - request.arrived);
}

void Completion::noteIfSlow(const Leg& leg, net::Micros duration) {
  const bool slow = context_.slowLog.isSlow(duration);
  if (slow || context_.slowLog.keepsLarge() || context_.latency.isLong(duration))
    noteUnusual(leg, duration, slow);
}

void Completion::noteUnusual(const Leg& leg, net::Micros duration, bool slow) {
  if (slow) noteSlowRequest(context_, leg, LogKind::Slow, duration.count());
  if (context_.slowLog.keepsLarge()) noteIfLarge(leg);
  if (context_.latency.isLong(duration)) noteLatency(leg, duration);
}

void Completion::noteIfLarge(const Leg& leg) {
  const Request& request = *leg.request;
  std::size_t reply = request.replyBytes;
  for (std::size_t i = 0; !request.streams() && i < request.legCount(); ++i)
    reply += request.leg(i).reply.view().size();
  for (const auto& [kind, bytes] :
       {std::pair(LogKind::LargeRequest, request.bytes), std::pair(LogKind::LargeReply, reply)}) {
    if (context_.slowLog.isLarge(kind, bytes))
      noteSlowRequest(context_, leg, kind, static_cast<std::int64_t>(bytes));
  }
}

void Completion::noteLatency(const Leg& leg, net::Micros duration) {
  const bool fast = leg.request->spec->has(protocol::kFast);
  context_.latency.note(fast ? LatencyKind::FastCommand : LatencyKind::Command, duration);
  if (leg.link == nullptr) return;
  context_.latency.note(LatencyKind::Upstream,
                        std::chrono::duration_cast<net::Micros>(context_.host.now - leg.sentAt));
}

void Completion::finishRequest(Request& request, bool failed) {
  if (request.hook != nullptr) forgetHook(request);
  if (request.trace != nullptr) traceDone(context_, request, failed);
  finishRequest(request, failed, sinceArrival(request));
}

void Completion::finishRequest(Request& request, bool failed, net::Micros duration) {
  context_.metrics.command(request.spec->id).record(duration, failed);
  if (failed) [[unlikely]]
    FailureTally::add(request.client->id());
  request.client->onRequestDone(request);
}

void Completion::forgetHook(Request& request) {
  if (request.hook != nullptr && request.hook->isLong()) context_.workbench.discard(std::move(request.hook));
}

// False: there is nothing more to ask for.
bool Completion::goOn(Request& request) {
  routing::Plan stage;  // the worker's own may be in use
  if (!request.composer->goOn(partsOf(request), stage)) return false;
  if (request.client->hasLeft() && !goesOnForNobody(request, stage.writes)) {
    request.kind = RequestKind::Read;  // its client does not linger for it
    return true;
  }
  // It has made no plan: it pauses, and goes on by itself.
  if (stage.kind == routing::Plan::Kind::Refused) return true;
  if (stage.kind == routing::Plan::Kind::Nobody) {
    context_.workbench.add(request.client, std::make_unique<NextTurn>(*this, request));
    return true;
  }
  request.dispatcher->goOn(request, stage);
  return true;
}

bool Completion::mergeLegs(Request& request, std::span<const routing::PartReply> parts) {
  if (request.hook != nullptr) {
    std::string reply;
    WorkBudget budget = WorkBudget::unlimited();
    request.hook->begin(request);
    request.hook->assemble(request, reply, budget);
    request.client->deliver(request, reply);
    return !reply.starts_with('-');
  }
  context_.encoded.clear();
  const bool good = request.composer != nullptr
                        ? request.composer->compose(parts, context_.encoded)
                        : routing::mergeReplies(request.merge, parts, context_.encoded);
  request.client->deliver(request, context_.encoded);
  return good;
}

void Completion::abandon(Request& request) {
  if (request.trace != nullptr) traceAbandoned(context_, request);
  for (std::size_t i = 0; i < request.legCount(); ++i) {
    Leg& leg = request.leg(i);
    leg.reply.reset(0);  // nobody waits for it, and others may take their time
    if (leg.detour != nullptr && leg.detour->lone.link() != nullptr &&
        leg.detour->lone.link()->readingPaused()) {
      leg.detour->lone.reset();  // the pool closes it, and tells the leg of its loss
      context_.holding.wakeAll();
    }
    if (leg.state != LegState::Held && leg.state != LegState::Planned) continue;
    if (leg.state == LegState::Held) context_.holding.remove(*request.client, leg);
    leg.state = LegState::Done;
    --request.openLegs;
  }
  request.client = nullptr;
  forgetHook(request);
  if (request.openLegs == 0) context_.requests.put(request);
}

}  // namespace slotless::session
