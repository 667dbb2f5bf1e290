#include "proxy/dispatch/recovery.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/busy_watch.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/link_choice.h"
#include "proxy/dispatch/loss_judgement.h"
#include "proxy/dispatch/lost_watch.h"
#include "proxy/dispatch/overtaking.h"
#include "proxy/dispatch/refusal_proof.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/dispatch/request_copy.h"
#include "proxy/dispatch/surroundings.h"
#include "proxy/routing/router.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

using upstream::SentRequest;

constexpr std::string_view kProtocolError = "-ERR Protocol error";

telemetry::Counter& counterOf(telemetry::WorkerMetrics& metrics, Trouble trouble) {
  using telemetry::Redirect;
  const auto at = [&](Redirect kind) -> telemetry::Counter& {
    return metrics.redirects[static_cast<std::size_t>(kind)];
  };
  switch (trouble) {
    case Trouble::Moved: return at(Redirect::Moved);
    case Trouble::Ask: return at(Redirect::Ask);
    case Trouble::TryAgain: return at(Redirect::TryAgain);
    case Trouble::ClusterDown: return at(Redirect::ClusterDown);
    case Trouble::Loading: return at(Redirect::Loading);
    case Trouble::ReadOnly: return at(Redirect::ReadOnly);
    case Trouble::MasterDown: return at(Redirect::MasterDown);
    case Trouble::NoScript: return at(Redirect::NoScript);
    case Trouble::Unsent:
    case Trouble::LostSent:
    case Trouble::Suspected:
    case Trouble::BrokeAgain:
    case Trouble::RanLong:
    case Trouble::UnsentLarge:
    case Trouble::RefusedAgain:
    case Trouble::Late:
    case Trouble::ForeignKey:
    case Trouble::NoAuth:
    case Trouble::NoPerm:
    case Trouble::Unblocked:
    case Trouble::None: break;
  }
  return metrics.retries;
}

}  // namespace

void Recovery::onAnswer(Leg& leg, bool last) {
  if (!last) return;
  if (leg.request->client == nullptr) return completion_.finishLeg(leg, true);
  settleDoubt(leg, false);
}

void Recovery::onErrorReply(Leg& leg, std::string_view line, const SentRequest& sent) {
  context_.busy.onErrorReply(leg, line);
  if (line.starts_with(kProtocolError) && leg.link != nullptr)  // then the node closes the connection
    context_.suspects.addTooLarge(leg.link->node(), sent.size(), context_.host.now);
  if (leg.detour != nullptr) context_.suspects.clear(leg.slot, leg.detour->suspicion);
  if (leg.request->client == nullptr) return completion_.finishLeg(leg, true);
  if (leg.inDoubt()) return settleDoubt(leg, provesRefusal(line));
  if (leg.request->wait) return completion_.failWait(leg, line);
  if (!leg.preludeError.empty() && leg.request->frontBytes > 0 && leg.request->preludes == 0) {
    if (protocol::isDenial(leg.preludeError) && leg.link != nullptr) {
      leg.request->client->upstream->denials().note(telemetry::Deniable::ScriptLoad, leg.link->node(),
                                                    leg.preludeError, context_.host.now);
    }
    leg.preludeError.clear();  // SCRIPT LOAD's: see what EVALSHA says
    leg.link->scripts().forget();
  }
  if (!leg.preludeError.empty()) {
    // A queued command was refused, so EXEC has run nothing; why it was refused decides.
    const std::string cause = std::exchange(leg.preludeError, {});
    const protocol::ErrorReply error = protocol::classifyError(cause);
    if (retry(leg, troubleOf(error.errorClass), cause, error, sent)) return;
    return completion_.failLeg(leg, std::string(reply_texts::kAbortedBecause) + cause.substr(1));
  }
  const protocol::ErrorReply error = protocol::classifyError(line);
  if (!retry(leg, troubleOf(error.errorClass), line, error, sent)) completion_.failLeg(leg, line);
}

void Recovery::onLost(Leg& leg, upstream::Loss loss, const SentRequest& sent) {
  Request& request = *leg.request;
  const Trouble trouble = judgeLoss(context_, leg, loss, sent);
  if (request.client == nullptr) return completion_.finishLeg(leg, true);
  if (leg.inDoubt()) return settleDoubt(leg, false);
  const Action action = actionFor(trouble, request.kind, false);
  const bool reachedClient = leg.replyBegun && request.streams() && request.isHead();
  if (reachedClient) {
    // Half a reply cannot be taken back.
    Downstream& client = *request.client;
    completion_.finishLeg(leg, true);
    client.close("the link broke in the middle of a reply");
    return;
  }
  if (request.wait && wasSent(trouble)) return completion_.failLeg(leg, request.wait->nobody);
  const bool blocksAgain = request.kind == RequestKind::Blocking &&
                           context_.config.blockingOnLostLink == config::BlockingOnLostLink::Reblock;
  if (action == Action::Ambiguous && !blocksAgain) return giveUpAmbiguous(leg, trouble);
  request.client->discardWaiting(request);
  leg.reply.clear();
  leg.preludeError.clear();
  leg.replyBegun = false;
  if (failOnWatch(completion_, leg, trouble)) return;
  if (action == Action::GiveUp) {
    static log::RateLimit limit(5);
    log::write(limit, context_.host.now, log::Level::Warn, "a command is not repeated",
               {{"command", request.spec->name},
                {"node", leg.link->node().text()},
                {"bytes", sent.size()},
                {"why", troubleName(trouble)}});
    return completion_.failLeg(leg, textOf(trouble, action));
  }
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  leg.detour->losses += wasSent(trouble) ? 1U : 0U;
  if (action == Action::RepeatAlone) leg.detour->repeatAlone();
  if (leg.detour != nullptr && !leg.detour->sticky) {
    leg.detour->target.reset();
    leg.detour->asking = false;
  }
  sender_.holdAgain(leg, trouble, sent);
}

// Reads of the same slot that were sent before it and wait to be sent again would see what it has done, so
// they share its fate.
void Recovery::giveUpAmbiguous(Leg& leg, Trouble trouble) {
  context_.metrics.ambiguousWrites.add();
  Request& request = *leg.request;
  Downstream& client = *request.client;
  std::vector<Leg*> given = readsBefore(leg);
  for (Leg* read : given) context_.holding.remove(client, *read);
  given.push_back(&leg);
  if (client.writeOnLostLink.value_or(context_.config.writeOnLostLink) == config::WriteOnLostLink::Error) {
    for (Leg* each : given) completion_.failLeg(*each, textOf(trouble, Action::Ambiguous));
    return;
  }
  client.closeBehind(*given.front()->request);
  for (Leg* each : given) completion_.finishLeg(*each, true);
}

std::vector<Leg*> Recovery::readsBefore(const Leg& write) const {
  std::vector<Leg*> reads;
  if (write.slot == protocol::kNoSlot) return reads;
  for (Request* earlier = write.request->client->pending().head(); earlier != write.request;
       earlier = earlier->next) {
    const bool onlyReads = earlier->kind == RequestKind::Read || earlier->kind == RequestKind::ScriptRead;
    if (!onlyReads || earlier->heldLegs == 0) continue;
    for (std::size_t i = 0; i < earlier->legCount(); ++i) {
      Leg& leg = earlier->leg(i);
      const bool wasLost = leg.state == LegState::Held && wasSent(leg.detour->trouble);
      if (wasLost && leg.slot == write.slot && !readsFromReplica(leg)) reads.push_back(&leg);
    }
  }
  return reads;
}

// False: the error is the client's.
bool Recovery::retry(Leg& leg, Trouble trouble, std::string_view line, const protocol::ErrorReply& error,
                     const SentRequest& sent) {
  const bool calledBack = trouble == Trouble::Unblocked && context_.surroundings.callsBack();
  Action action = actionFor(trouble, leg.request->kind, error.serverText || calledBack);
  if (action == Action::PassOn) return false;
  if (trouble == Trouble::NoPerm && !leg.link->loginChanges()) return false;
  // The node has refused something else on this connection, and so carries nothing out on it.
  if (trouble == Trouble::NoAuth && leg.link->state() == upstream::LinkState::Draining)
    action = Action::RetryLater;
  if (action == Action::LoadScript) return loadScript(leg, sent);
  if (action == Action::AskOthers) return askOthers(leg, sent);
  if (action == Action::RetryOnProof) return askForProof(context_, leg, trouble, line, sent);
  counterOf(context_.metrics, trouble).add();
  if (trouble == Trouble::NoAuth) leg.link->renew();
  if (failOnWatch(completion_, leg, trouble)) return true;
  if (action == Action::Reroute) return redirects_.follow(leg, line, error, sent);
  if (trouble == Trouble::TryAgain) {
    sender_.markMoving(leg.slot);
    if (splitPerKey(leg, sent)) return true;
  } else {
    context_.wishes.refreshTopology(true);
  }
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  leg.detour->notBefore = context_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, trouble, sent);
  return true;
}

// `refused`: the node has not run the request, whose error is its own.
void Recovery::settleDoubt(Leg& leg, bool refused) {
  Detour& detour = *leg.detour;
  if (!refused || wasOvertaken(leg)) return completion_.failLeg(leg, std::string(detour.doubt->line));
  const std::unique_ptr<Doubt> doubt = std::move(detour.doubt);
  counterOf(context_.metrics, doubt->trouble).add();
  if (doubt->trouble == Trouble::NoAuth) leg.link->renew();
  if (doubt->trouble == Trouble::TryAgain) {
    sender_.markMoving(leg.slot);
  } else {
    context_.wishes.refreshTopology(true);
  }
  detour.bytes.splice(doubt->bytes);
  detour.notBefore = context_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, doubt->trouble);
}

// The node seemed to have the script, but somebody has flushed it: it gets it, and the request again, in one
// piece; or, where nodes deny SCRIPT LOAD, EVAL instead. False: the script is not known here, or was in front
// of the request, or the client's later requests about the slot have been sent and may have been carried out.
bool Recovery::loadScript(Leg& leg, const SentRequest& sent) {
  Request& request = *leg.request;
  if (request.scripts.empty() || request.legCount() != 1) return false;
  if (request.frontBytes > 0 && !context_.denials.any(telemetry::Deniable::ScriptLoad)) return false;
  leg.link->scripts().forget();
  if (mayBeOvertaken(leg)) return false;
  counterOf(context_.metrics, Trouble::NoScript).add();
  sender_.holdAgain(leg, Trouble::NoScript, sent);
  return true;
}

// Without declared keys it went to any node, and no node says whose key it wants. False: it has declared
// some, or all have been asked.
bool Recovery::askOthers(Leg& leg, const SentRequest& sent) {
  const Request& request = *leg.request;
  if (leg.slot != protocol::kNoSlot || request.legCount() != 1 || request.lease) return false;
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  Detour& detour = *leg.detour;
  detour.lacking.push_back(leg.link->node());
  const cluster::Topology& topology = context_.links.topology();
  for (const cluster::Node& node : topology.nodes) {
    const net::Address& address = node.address;
    const bool asked =
        std::find(detour.lacking.begin(), detour.lacking.end(), address) != detour.lacking.end();
    if (asked || !topology.ownsSlots(address)) continue;
    counterOf(context_.metrics, Trouble::ForeignKey).add();
    detour.target = address;
    detour.targetVersion = topology.version;
    sender_.holdAgain(leg, Trouble::ForeignKey, sent);
    return true;
  }
  return false;
}

// A multi-key command that may be split goes on key by key: each key is on one side or the other.
bool Recovery::splitPerKey(Leg& leg, const SentRequest& sent) {
  Request& request = *leg.request;
  const protocol::CommandSpec& spec = *request.spec;
  if (spec.handling != protocol::Handling::Split) return false;
  const RequestCopy copy(sent, context_.host.pool);
  if (!copy.complete()) return false;
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(spec, copy.argv(), positions) != protocol::KeyResult::Ok) return false;
  if (positions.size() < 2) return false;
  std::vector<std::uint32_t> ordinals = leg.keys;
  if (ordinals.empty()) {  // it was not split so far
    ordinals.resize(positions.size());
    std::iota(ordinals.begin(), ordinals.end(), 0U);
  }
  request.merge = routing::mergeFor(spec);
  const protocol::Slot slot = leg.slot;
  const auto stride = static_cast<std::uint32_t>(std::max(1, spec.keyStep));
  // All are there before one is held: a part that is refused must not end the request.
  const std::size_t firstAdded = request.legCount();
  for (std::size_t i = 1; i < positions.size(); ++i) request.addLeg();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    Leg& part = i == 0 ? leg : request.leg(firstAdded + i - 1);
    part.slot = slot;
    part.keys.assign(1, ordinals[i]);
    part.detour = std::make_unique<Detour>(context_.host.pool);
    encodeWithKeys(copy.argv(), std::span(&positions[i], 1), stride, context_.encoded);
    part.detour->bytes.append(context_.encoded);
    sender_.hold(part, Trouble::TryAgain);
  }
  return true;
}

}  // namespace slotless::session
