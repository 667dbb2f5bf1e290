#include "proxy/session/recovery.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/routing/merger.h"
#include "proxy/session/client.h"
#include "proxy/session/holding.h"
#include "proxy/session/large_replies.h"
#include "proxy/session/overtaking.h"
#include "proxy/session/refusal_proof.h"
#include "proxy/session/reply_texts.h"
#include "proxy/session/request_copy.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

using upstream::SentRequest;

// A look-up of the topology that was under way may have asked before the change: the second one counts.
constexpr std::uint64_t kRoundsToBeSure = 2;

// When no more than so many requests go down with a link, any of them may have done it: nodes answer what
// they have read at once together, so that the first one without an answer need not be the one that was run
// last.
constexpr std::size_t kFew = 16;
// Longer ones are not looked into for how many keys they name.
constexpr std::size_t kShortRequest = 1024;
constexpr std::string_view kProtocolError = "-ERR Protocol error";

// One key, and work that does not grow with what it holds.
bool isCheap(const Leg& leg, const SentRequest& sent, net::BlockPool& pool) {
  const protocol::CommandSpec& spec = *leg.request->spec;
  if (!spec.has(protocol::kFast) || leg.request->transaction != nullptr || leg.request->staged) return false;
  if (spec.singleKey != 0) return true;
  if (sent.size() > kShortRequest) return false;
  const RequestCopy copy(sent, pool);
  std::vector<std::uint32_t> positions;
  if (!copy.complete()) return false;
  return protocol::keyPositions(spec, copy.argv(), positions) == protocol::KeyResult::Ok &&
         positions.size() <= 1;
}

std::string_view textFor(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::None:
    case Obstacle::NoNode: break;
    case Obstacle::NodeSilent: return reply_texts::kNodeSilent;
    case Obstacle::LinkFull: return reply_texts::kLinkFull;
    case Obstacle::LeaseLimit: return reply_texts::kNoLease;
  }
  return reply_texts::kNoMaster;
}

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
    case Trouble::Unblocked:
    case Trouble::None: break;
  }
  return metrics.retries;
}

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

void Recovery::onAnswer(Leg& leg, bool last) {
  if (!last) return;
  if (leg.request->client == nullptr) return completion_.finishLeg(leg, true);
  settleDoubt(leg, false);
}

void Recovery::onErrorReply(Leg& leg, std::string_view line, const SentRequest& sent) {
  services_.busy.onErrorReply(leg, line);
  if (line.starts_with(kProtocolError) && leg.link != nullptr)  // then the node closes the connection
    services_.suspects.addTooLarge(leg.link->node(), sent.size(), services_.host.now);
  if (leg.detour != nullptr) services_.suspects.clear(leg.slot, leg.detour->suspicion);
  if (leg.request->client == nullptr) return completion_.finishLeg(leg, true);
  if (leg.inDoubt()) return settleDoubt(leg, provesRefusal(line));
  if (leg.request->wait) return completion_.failWait(leg, line);
  if (!leg.preludeError.empty() && leg.request->frontBytes > 0 &&
      leg.request->kind != RequestKind::Transaction) {
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
  const Trouble trouble = judgeLoss(leg, loss, sent);
  if (request.client == nullptr) return completion_.finishLeg(leg, true);
  if (leg.inDoubt()) return settleDoubt(leg, false);
  const Action action = actionFor(trouble, request.kind, false);
  const bool reachedClient = leg.replyBegun && request.streams() && request.isHead();
  if (reachedClient) {
    // Half a reply cannot be taken back.
    Client& client = *request.client;
    completion_.finishLeg(leg, true);
    client.close("the link broke in the middle of a reply");
    return;
  }
  if (request.wait && wasSent(trouble)) return completion_.failLeg(leg, request.wait->nobody);
  const bool blocksAgain = request.kind == RequestKind::Blocking &&
                           services_.config.blockingOnLostLink == config::BlockingOnLostLink::Reblock;
  if (action == Action::Ambiguous && !blocksAgain) {
    services_.metrics.ambiguousWrites.add();
    Client& client = *request.client;
    if (client.writeOnLostLink.value_or(services_.config.writeOnLostLink) == config::WriteOnLostLink::Error)
      return completion_.failLeg(leg, textOf(trouble, action));
    client.closeBehind(request);
    return completion_.finishLeg(leg, true);
  }
  request.client->discardWaiting(request);
  leg.reply.clear();
  leg.preludeError.clear();
  leg.replyBegun = false;
  if (failTransaction(leg, trouble)) return;
  if (action == Action::GiveUp) {
    static log::RateLimit limit(5);
    log::write(limit, services_.host.now, log::Level::Warn, "a command is not repeated",
               {{"command", request.spec->name},
                {"node", leg.link->node().text()},
                {"bytes", sent.size()},
                {"why", troubleName(trouble)}});
    return completion_.failLeg(leg, textOf(trouble, action));
  }
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->losses += wasSent(trouble) ? 1U : 0U;
  if (action == Action::RepeatAlone) leg.detour->repeatAlone();
  if (leg.detour != nullptr && !leg.detour->sticky) {
    leg.detour->target.reset();
    leg.detour->asking = false;
  }
  sender_.holdAgain(leg, trouble, sent);
}

// Whose doing was it?
Trouble Recovery::judgeLoss(Leg& leg, upstream::Loss loss, const SentRequest& sent) {
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
    services_.suspects.addTooLarge(leg.link->node(), sent.size(), services_.host.now);
    return leg.detour != nullptr && leg.detour->repeatedAlone ? Trouble::RefusedAgain : Trouble::UnsentLarge;
  }
  if (breakage.front == nullptr || breakage.cause == Breakage::Cause::DeadFlow) return Trouble::LostSent;
  // Told in the order of the link: those before it were too cheap to have run for so long.
  if (breakage.ranLong && !breakage.runnerFound && !isCheap(leg, sent, services_.host.pool)) {
    breakage.runnerFound = true;
    return Trouble::RanLong;
  }
  return broken ? judgeSuspect(leg, atFront, sent) : Trouble::LostSent;
}

Trouble Recovery::judgeSuspect(Leg& leg, bool atFront, const SentRequest& sent) {
  const bool lostBefore = leg.detour != nullptr && leg.detour->losses > 0;
  if (!atFront && !lostBefore && leg.link->breakage().sent > kFew) return Trouble::LostSent;
  const bool wasAlone = leg.detour != nullptr && leg.detour->repeatedAlone;
  if (atFront) {
    if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
    leg.detour->suspicion =
        services_.suspects.suspect(leg.slot, sent, leg.request->frontBytes, services_.host.now);
  }
  return wasAlone && atFront ? Trouble::BrokeAgain : Trouble::Suspected;
}

// False: the error is the client's.
bool Recovery::retry(Leg& leg, Trouble trouble, std::string_view line, const protocol::ErrorReply& error,
                     const SentRequest& sent) {
  const Action action = actionFor(trouble, leg.request->kind, error.serverText);
  if (action == Action::PassOn) return false;
  if (action == Action::LoadScript) return loadScript(leg, sent);
  if (action == Action::RetryOnProof) return askForProof(services_, leg, trouble, line, sent);
  counterOf(services_.metrics, trouble).add();
  if (failTransaction(leg, trouble)) return true;
  if (action == Action::Reroute) return redirect(leg, line, error, sent);
  if (trouble == Trouble::TryAgain) {
    sender_.markMoving(leg.slot);
    if (splitPerKey(leg, sent)) return true;
  } else {
    services_.control.refreshTopology(true);
  }
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->notBefore = services_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, trouble, sent);
  return true;
}

// `refused`: the node has not run the request, whose error is its own.
void Recovery::settleDoubt(Leg& leg, bool refused) {
  Detour& detour = *leg.detour;
  if (!refused || wasOvertaken(leg)) return completion_.failLeg(leg, std::string(detour.doubt->line));
  const std::unique_ptr<Doubt> doubt = std::move(detour.doubt);
  counterOf(services_.metrics, doubt->trouble).add();
  if (doubt->trouble == Trouble::TryAgain) {
    sender_.markMoving(leg.slot);
  } else {
    services_.control.refreshTopology(true);
  }
  detour.bytes.splice(doubt->bytes);
  detour.notBefore = services_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, doubt->trouble);
}

// False: the redirect is none that a node makes for this request; it is the client's.
bool Recovery::redirect(Leg& leg, std::string_view line, const protocol::ErrorReply& error,
                        const SentRequest& sent) {
  if (leg.slot == protocol::kNoSlot || error.slot != leg.slot) return false;
  const net::Address& asked = leg.link->node();
  const auto announced = addressIn(error, asked, services_.links.topology());
  if (!announced) return awaitTopology(leg, sent);
  const net::Address& target = *announced;
  if (target == asked) return false;
  const bool ask = error.errorClass == protocol::ErrorClass::Ask;
  if (ask && leg.request->wantsWholeSlot) return awaitWholeSlot(leg, sent);
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  Detour& detour = *leg.detour;
  const cluster::Topology& topology = services_.links.topology();
  const bool known = topology.find(target).has_value();
  detour.target = target;
  detour.targetVersion = topology.version;
  detour.asking = ask;
  detour.awaitsTarget = !known;
  detour.confirmation = services_.confirmations;
  detour.redirectLine = known ? std::string_view() : line;
  if (ask) sender_.markMoving(leg.slot);
  if (!ask || !known) services_.control.refreshTopology(!known);
  sender_.holdAgain(leg, ask ? Trouble::Ask : Trouble::Moved, sent);
  return true;
}

// A part of the slot is elsewhere already, and neither node will answer for both.
bool Recovery::awaitWholeSlot(Leg& leg, const SentRequest& sent) {
  sender_.markMoving(leg.slot);
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->notBefore = services_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, Trouble::TryAgain, sent);
  return true;
}

// A node that is to be called by a name which the one that redirects does not know. The topology knows it by
// its id.
bool Recovery::awaitTopology(Leg& leg, const SentRequest& sent) {
  const RequestKind kind = leg.request->kind;
  if (kind == RequestKind::ScriptRead || kind == RequestKind::ScriptWrite)
    return false;  // it may say so itself
  services_.control.refreshTopology(true);
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->target.reset();
  leg.detour->asking = false;
  leg.detour->notBefore = services_.host.now + LegSender::kRetryPause;
  sender_.holdAgain(leg, Trouble::Moved, sent);
  return true;
}

// The node seemed to have the script, but somebody has flushed it: it gets it, and the request again, in one
// piece. False: the script is not known here, or was in front of the request, or the client's later requests
// about the slot have been sent and may have been carried out.
bool Recovery::loadScript(Leg& leg, const SentRequest& sent) {
  Request& request = *leg.request;
  if (request.scripts.empty() || request.frontBytes > 0 || request.legCount() != 1) return false;
  leg.link->scripts().forget();
  if (mayBeOvertaken(leg)) return false;
  counterOf(services_.metrics, Trouble::NoScript).add();
  sender_.holdAgain(leg, Trouble::NoScript, sent);
  return true;
}

// A multi-key command that may be split goes on key by key: each key is on one side or the other.
bool Recovery::splitPerKey(Leg& leg, const SentRequest& sent) {
  Request& request = *leg.request;
  const protocol::CommandSpec& spec = *request.spec;
  if (spec.handling != protocol::Handling::Split) return false;
  const RequestCopy copy(sent, services_.host.pool);
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
    part.detour = std::make_unique<Detour>(services_.host.pool);
    encodeWithKeys(copy.argv(), std::span(&positions[i], 1), stride, services_.encoded);
    part.detour->bytes.append(services_.encoded);
    sender_.hold(part, Trouble::TryAgain);
  }
  return true;
}

// With a watch, what cannot be run at once on the lease counts as "a watched key has changed". True: dealt
// with.
bool Recovery::failTransaction(Leg& leg, Trouble trouble) {
  Request& request = *leg.request;
  if (request.lease != upstream::LeaseUse::Transaction || wasSent(trouble)) return false;
  // An EXEC that was refused has ended the watch in the node: sent again, it would run whatever has changed.
  const bool passes =
      trouble == Trouble::TryAgain || trouble == Trouble::ClusterDown || trouble == Trouble::Loading;
  if (passes && request.spec->role != protocol::SessionRole::Exec) return false;
  Conversation& conversation = request.client->conversation();
  switch (request.spec->role) {
    case protocol::SessionRole::Exec: {
      conversation.watch().breakOff();
      std::string null;
      protocol::appendNullArrayIn(null, request.client->protocol);
      leg.reply.clear();
      request.transaction.reset();
      request.client->deliver(request, null);
      completion_.finishLeg(leg, false);
      return true;
    }
    case protocol::SessionRole::Watch:
      if (conversation.watch().first()) return false;  // nothing is watched yet: go where it is told
      conversation.watch().breakOff();
      break;
    default: conversation.watch().breakOff();  // UNWATCH, DISCARD: there is nothing left to forget
  }
  request.client->deliver(request, "+OK\r\n");
  completion_.finishLeg(leg, false);
  return true;
}

bool Recovery::expire(Client& client) {
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
        leg.detour->deadline = services_.host.now + services_.config.holdTimeout;
      if (services_.host.now >= leg.detour->deadline || isForged(leg) || isForsaken(leg) ||
          hasLostWatch(leg) || waitsInVain(leg)) {
        expired.push_back(&leg);
      } else {
        missesNode = missesNode || sender_.missesNode(leg);
      }
    }
  }
  for (Leg* leg : expired) {
    services_.holding.remove(client, *leg);
    expireLeg(*leg);
  }
  return missesNode;
}

void Recovery::expireLeg(Leg& leg) {
  Request& request = *leg.request;
  if (hasLostWatch(leg) && failTransaction(leg, Trouble::Unsent)) return;
  if (isForged(leg)) return completion_.failLeg(leg, std::string(leg.detour->redirectLine));
  if (isForsaken(leg) || leg.detour->dispensable) return completion_.forgoLeg(leg);
  if (request.spec->forgoesAbsent && leg.detour->sticky && sender_.missesNode(leg))
    return completion_.forgoLeg(leg);
  if (request.wait) return completion_.failLeg(leg, request.wait->nobody);
  if (request.blockedUntil && services_.host.now >= *request.blockedUntil) {
    return completion_.timeOut(leg);
  }
  if (leg.detour->trouble == Trouble::TryAgain) return completion_.failLeg(leg, reply_texts::kTryAgain);
  completion_.failLeg(leg, textFor(sender_.obstacleTo(leg)));
}

// A script's redirect to a node that the cluster does not have, even after the topology was looked up anew.
bool Recovery::isForged(const Leg& leg) const {
  const Detour& detour = *leg.detour;
  const RequestKind kind = leg.request->kind;
  const bool foreignText = kind == RequestKind::ScriptRead || kind == RequestKind::ScriptWrite;
  return foreignText && detour.awaitsTarget &&
         services_.confirmations >= detour.confirmation + kRoundsToBeSure &&
         !services_.links.topology().find(*detour.target);
}

// Meant for one certain node that has left the cluster and has no successor: a replica, or a master without
// slots.
bool Recovery::isForsaken(const Leg& leg) const {
  const Detour& detour = *leg.detour;
  if (!detour.sticky || detour.anchor != protocol::kNoSlot || leg.slot != protocol::kNoSlot) return false;
  // One that is not of the cluster any more, and may still be at a script.
  if (detour.dispensable) return false;
  const cluster::Topology& topology = services_.links.topology();
  const auto node = topology.find(*detour.target);
  // A demoted master had no slots any more, but still counted as one.
  return !node || (detour.trouble == Trouble::ReadOnly && !topology.nodes[*node].master);
}

// WAIT asks the master that has the writes; when its time is up, or its place taken, nobody else can answer.
bool Recovery::waitsInVain(const Leg& leg) const {
  const auto& wait = leg.request->wait;
  if (!wait) return false;
  return (wait->until && services_.host.now >= *wait->until) ||
         !services_.links.topology().ownsSlots(*leg.detour->target);
}

bool Recovery::hasLostWatch(const Leg& leg) const {
  const Request& request = *leg.request;
  const Watch& watch = request.client->conversation().watch();
  const bool watchesYet = request.spec->role != protocol::SessionRole::Watch || !watch.first();
  return request.lease == upstream::LeaseUse::Transaction && watchesYet && watch.broken();
}

}  // namespace slotless::session
