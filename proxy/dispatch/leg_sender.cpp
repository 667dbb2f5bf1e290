#include "proxy/dispatch/leg_sender.h"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/encoder.h"

#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/blocking.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/held_reasons.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/leases.h"
#include "proxy/dispatch/overtaking.h"
#include "proxy/dispatch/request_copy.h"
#include "proxy/dispatch/traced_request.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

using protocol::Slot;
using upstream::Front;
using upstream::Link;
using upstream::SentRequest;

// As many as no failover and no resharding needs: its nodes disagree, or somebody's script makes the
// redirects.
constexpr std::uint32_t kOddAttempts = 32;
// How long after an ASK or TRYAGAIN a slot counts as being moved.
constexpr net::Millis kMovingFor{1000};

const net::Address& ownerOf(const cluster::Topology& topology, Slot slot) {
  static const net::Address nobody;
  const cluster::NodeIndex owner = topology.owners[slot];
  return owner == cluster::kNoNode ? nobody : topology.nodes[owner].address;
}

// Nobody else would see why a request takes so long.
void tellOfRedirects(const Leg& leg, Trouble trouble, net::TimePoint now) {
  if (trouble != Trouble::Moved && trouble != Trouble::Ask) return;
  static log::RateLimit limit(1);
  log::write(limit, now, log::Level::Warn, "a request is redirected again and again",
             {{"command", leg.request->spec->name},
              {"slot", leg.slot},
              {"by", leg.link == nullptr ? std::string("?") : leg.link->node().text()},
              {"to", leg.detour->target ? leg.detour->target->text() : std::string("?")},
              {"times", leg.detour->attempts}});
}

}  // namespace

bool LegSender::plainWay(const Downstream& client, protocol::Slot slot) const {
  if (client.detoured) return false;
  const std::uint64_t version = context_.links.topology().version;
  const bool first = client.pending().size() == 1;  // the request itself
  if (!first && client.routedVersion != version) return false;
  if (slot == protocol::kNoSlot || context_.host.now >= anyMovingUntil_) return true;
  return context_.host.now >= (*movingUntil_)[slot];
}

// The link that the leg can take at once; it counts as sent then. nullptr: it has to be held.
Link* LegSender::plainLink(Leg& leg) {
  Downstream& client = *leg.request->client;
  Link* link = plainWay(client, leg.slot) ? choice_.linkForSlot(leg) : nullptr;
  if (link != nullptr) noteSent(leg, *link);
  return link;
}

void LegSender::noteSent(Leg& leg, Link& link) {
  Downstream& client = *leg.request->client;
  if (client.pending().size() == 1) client.routedVersion = context_.links.topology().version;
  leg.state = LegState::Sent;
  leg.sentAt = context_.host.now;
  leg.link = &link;
}

// ASKING and CLIENT CACHING each clear the other.
Front LegSender::frontOf(const Leg& leg, const Link& link) const {
  if (leg.detour != nullptr && leg.detour->asking) return Front::Asking;
  const Request& request = *leg.request;
  if (request.front == Front::None) return Front::None;
  const Leases& leases = request.client->leases();
  return leases.engaged() && leases.tracksOn(link) ? request.front : Front::None;
}

namespace {

// The beginning of a request; `joined` is room for it.
std::string_view headOf(RequestBytes bytes, std::string& joined) {
  const std::string_view head = bytes.bytes.substr(0, Suspects::kHead);
  if (head.size() == Suspects::kHead || bytes.tail.empty()) return head;
  joined.append(head).append(bytes.tail.substr(0, Suspects::kHead - head.size()));
  return joined;
}

// Where the key of a leg stands that only reads; 0: there is none, or it does more.
int keyOfRead(const Leg& leg) {
  return leg.request->kind == RequestKind::Read ? leg.request->spec->firstKey : 0;
}

}  // namespace

// The like of it has broken links lately, or has had a large reply.
bool LegSender::isSuspect(const Leg& leg, RequestBytes bytes) const {
  const std::size_t length = bytes.bytes.size() + bytes.tail.size();
  if (isTooLarge(leg, length)) return true;
  if (!context_.suspects.anyOf(leg.slot)) return false;
  std::string joined;
  return context_.suspects.match(leg.slot, headOf(bytes, joined), length, keyOfRead(leg)) != 0;
}

void LegSender::noteLargeWrite(const Leg& leg, RequestBytes bytes) {
  if (leg.request->kind != RequestKind::Write || leg.slot == protocol::kNoSlot) return;
  std::string joined;
  const auto key = argumentWithin(headOf(bytes, joined), leg.request->spec->firstKey);
  if (key) context_.suspects.addKey(leg.slot, *key, context_.host.now);
}

bool LegSender::isTooLarge(const Leg& leg, std::size_t length) const {
  const Link* link = length < Suspects::kLarge ? nullptr : choice_.sharedLinkOf(leg);
  return link != nullptr && context_.suspects.tooLarge(link->node(), length);
}

std::uint64_t LegSender::suspicionOf(const Leg& leg, const net::ByteChain& bytes) const {
  if (!context_.suspects.anyOf(leg.slot)) return 0;
  const std::string head = SentRequest(bytes, 0, bytes.size()).beginning(Suspects::kHead);
  return context_.suspects.match(leg.slot, head, bytes.size(), keyOfRead(leg));
}

void LegSender::launch(Leg& leg, RequestBytes bytes) {
  if (bytes.bytes.size() + bytes.tail.size() >= Suspects::kLargeValue) noteLargeWrite(leg, bytes);
  const bool suspect = context_.suspects.any() && isSuspect(leg, bytes);
  Link* link = suspect ? nullptr : plainLink(leg);  // held, it takes the other way, see hold()
  if (link != nullptr && bytes.tail.empty() && hasScripts(*leg.request, *link)) {
    if (bytes.block != nullptr) return link->send(leg, std::move(*bytes.block), frontOf(leg, *link));
    return link->send(leg, bytes.bytes, frontOf(leg, *link));
  }
  net::ByteChain whole(context_.host.pool);
  if (bytes.block == nullptr || !bytes.tail.empty()) whole.append(bytes.bytes);
  if (bytes.block != nullptr) {
    whole.append(std::move(*bytes.block));
  } else {
    whole.append(bytes.tail);
  }
  sendOrHold(leg, link, whole);
}

// The way of nearly all requests: launch() without what cannot be.
void LegSender::launchShort(Leg& leg, std::string_view bytes) {
  Downstream& client = *leg.request->client;
  const cluster::NodeIndex owner = context_.links.topology().owners[leg.slot];
  const bool usual = owner != cluster::kNoNode && client.readFrom == config::ReadFrom::Master &&
                     bytes.size() < Suspects::kLarge && !context_.suspects.anyOf(leg.slot) &&
                     plainWay(client, leg.slot);
  Link* link = usual ? choice_.takes(client.links().linkTo(owner)) : nullptr;
  if (link == nullptr) return launch(leg, {bytes});
  noteSent(leg, *link);
  link->send(leg, bytes);
}

void LegSender::launchBatch(Leg& leg, net::ByteChain& batch) {
  const bool suspect =
      context_.suspects.any() && (isTooLarge(leg, batch.size()) || suspicionOf(leg, batch) != 0);
  sendOrHold(leg, suspect ? nullptr : plainLink(leg), batch);
}

void LegSender::sendOrHold(Leg& leg, Link* link, net::ByteChain& batch) {
  if (link != nullptr) return sendBatch(leg, *link, batch);
  leg.detour = std::make_unique<Detour>(context_.host.pool);
  leg.detour->bytes.splice(batch);
  hold(leg, Trouble::Unsent);
}

void LegSender::launchTo(Leg& leg, std::string_view bytes, const std::optional<net::Address>& node) {
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  leg.detour->bytes.append(bytes);
  leg.detour->target = node;
  leg.detour->sticky = node.has_value();
  hold(leg, Trouble::Unsent);
}

void LegSender::hold(Leg& leg, Trouble trouble) {
  Downstream& client = *leg.request->client;
  if (leg.request->trace != nullptr) traceHeld(context_, leg, trouble);
  leg.link = nullptr;
  leg.detour->trouble = trouble;
  leg.detour->lone.reset();
  if (context_.suspects.any() && !leg.detour->alone) {
    leg.detour->suspicion = suspicionOf(leg, leg.detour->bytes);
    leg.detour->alone = leg.detour->suspicion != 0 || isTooLarge(leg, leg.detour->bytes.size());
    leg.detour->large =
        leg.request->kind == RequestKind::Read && context_.suspects.isLarge(leg.slot, leg.detour->suspicion);
  }
  if (context_.holding.off()) return completion_.failLeg(leg, textOfRefusal(trouble));
  if (leg.detour->deadline == net::TimePoint{}) {
    leg.detour->deadline = context_.host.now + context_.config.holdTimeout;
    const auto& blockedUntil = leg.request->blockedUntil;
    if (blockedUntil) leg.detour->deadline = std::min(leg.detour->deadline, *blockedUntil);
  }
  leg.state = LegState::Held;
  client.detoured = true;
  context_.holding.add(client, leg);
  context_.agenda.add(client, Task::Pump);
}

void LegSender::trustSilentNodes(Downstream& client) {
  bool trusted = false;
  for (Request* request = client.pending().head(); request != nullptr; request = request->next) {
    if (request->heldLegs == 0) continue;
    for (std::size_t i = 0; i < request->legCount(); ++i) {
      const Leg& leg = request->leg(i);
      Link* link = leg.state == LegState::Held ? choice_.sharedLinkOf(leg) : nullptr;
      if (link == nullptr || link->state() != upstream::LinkState::Silent) continue;
      if (link->bytesOpen() < context_.config.linkMaxInFlightBytes && link->trustSilent()) trusted = true;
    }
  }
  if (trusted) context_.holding.wakeAll();
}

void LegSender::holdAgain(Leg& leg, Trouble trouble, const SentRequest& sent) {
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context_.host.pool);
  sent.copyTo(leg.detour->bytes, std::exchange(leg.request->frontBytes, 0));
  holdAgain(leg, trouble);
}

void LegSender::holdAgain(Leg& leg, Trouble trouble) {
  context_.metrics.retries.add();
  Request& request = *leg.request;
  if (request.lease == upstream::LeaseUse::Blocking && leg.detour->deadline != net::TimePoint{}) {
    // It was not without a node while it was blocked.
    leg.detour->deadline += context_.host.now - leg.detour->sentAt;
    if (request.blockedUntil) leg.detour->deadline = std::min(leg.detour->deadline, *request.blockedUntil);
  }
  if (++leg.detour->attempts > kQuickAttempts) leg.detour->notBefore = context_.host.now + kRetryPause;
  if (leg.detour->attempts == kOddAttempts) tellOfRedirects(leg, trouble, context_.host.now);
  hold(leg, trouble);
}

void LegSender::markSent(const Downstream& client) {
  for (Request* request = client.pending().head(); request != nullptr; request = request->next) {
    for (std::size_t i = 0; i < request->legCount(); ++i) {
      const Leg& leg = request->leg(i);
      if (leg.state != LegState::Sent || leg.slot == protocol::kNoSlot) continue;
      Mark& mark = (*marks_)[leg.slot];
      mark.sentPass = pass_;
      mark.lastSent = request->number;
    }
  }
}

bool LegSender::awaitsLater(const Leg& leg) const {
  const Mark& mark = (*marks_)[leg.slot];
  return wasRefused(leg) && mark.sentPass == pass_ && mark.lastSent > leg.request->number;
}

void LegSender::pump(Downstream& client) {
  if (client.held().legs == 0 && !client.detoured) return;
  ++pass_;
  if (client.held().refused != nullptr) markSent(client);
  bool clean = true;
  // Behind its last word nothing more is begun for it.
  for (Request* request = client.pending().head(); request != nullptr && request != client.lastWord();
       request = request->next) {
    for (std::size_t i = 0; i < request->legCount(); ++i) {
      Leg& leg = request->leg(i);
      if (leg.state == LegState::Done) continue;
      if (leg.state == LegState::Planned) {  // of the last request
        clean = false;
        break;
      }
      Link* wanted = leg.state == LegState::Held ? choice_.targetOf(leg) : leg.link;
      // Reads from replicas have no order to keep.
      if (leg.slot == protocol::kNoSlot || readsFromReplica(leg)) {
        if (leg.state == LegState::Held && wanted != nullptr) sendHeld(client, leg, *wanted);
        clean = clean && leg.state == LegState::Sent;
        continue;
      }
      Mark& mark = (*marks_)[leg.slot];
      const bool firstOfSlot = mark.pass != pass_;
      const bool alone =
          firstOfSlot || (mark.link == wanted && context_.host.now >= (*movingUntil_)[leg.slot]);
      if (leg.state == LegState::Held && wanted != nullptr && alone && !awaitsLater(leg))
        sendHeld(client, leg, *wanted);
      const bool sent = leg.state == LegState::Sent && !leg.inDoubt();
      clean = clean && sent && (leg.detour == nullptr || !(leg.detour->asking || leg.detour->alone)) &&
              leg.link->node() == ownerOf(context_.links.topology(), leg.slot);
      mark.link = sent && (firstOfSlot || mark.link == leg.link) ? leg.link : nullptr;
      mark.pass = pass_;
    }
  }
  if (clean) {
    client.detoured = false;
    client.routedVersion = context_.links.topology().version;
  }
}

void LegSender::sendHeld(Downstream& client, Leg& leg, Link& link) {
  context_.holding.remove(client, leg);
  leg.state = LegState::Sent;
  leg.sentAt = context_.host.now;
  leg.link = &link;
  leg.detour->sentAt = context_.host.now;
  Request& request = *leg.request;
  // What is made of several stages asks nodes for what does not block.
  if (request.blockedUntil && !request.staged) {
    // The time it has waited here counts.
    const auto left = std::chrono::duration_cast<net::Millis>(*request.blockedUntil - context_.host.now);
    rewriteBlockTimeout(*request.spec, left, leg.detour->bytes);
  }
  sendBatch(leg, link, leg.detour->bytes);
}

bool LegSender::hasScripts(const Request& request, const Link& link) const {
  if (request.scripts.empty()) return true;
  const std::uint64_t generation = context_.scripts.generation();
  return std::all_of(request.scripts.begin(), request.scripts.end(),
                     [&](const ScriptRef& script) { return link.scripts().knows(script->sha, generation); });
}

void LegSender::giveText(Request& request, Link& link, net::ByteChain& batch) const {
  if (request.scripts.size() != 1 || request.preludes > 0 ||
      !context_.denials.any(telemetry::Deniable::ScriptLoad) || hasScripts(request, link))
    return;
  const RequestCopy copy(batch);
  if (!copy.complete()) return;
  const ScriptRef script = request.scripts.front();
  const protocol::CommandSpec& spec = *request.spec;
  const protocol::Argv argv = copy.argv();
  std::string text;
  protocol::appendRequestOf(text, argv.size(), [&](const auto& visit) {
    for (std::size_t i = 0; i < argv.size(); ++i) {
      if (i == 0) {
        visit(spec.has(protocol::kReadOnly) ? std::string_view("EVAL_RO") : std::string_view("EVAL"));
      } else {
        visit(i == static_cast<std::size_t>(spec.scriptSha) ? std::string_view(script->text) : argv[i]);
      }
    }
  });
  batch.clear();
  batch.append(text);
  link.scripts().add(script->sha, context_.scripts.generation());
  request.scripts.clear();
}

// With the scripts that the node lacks in front. What the other front says counts for one command or one
// MULTI, so it follows them.
void LegSender::sendBatch(Leg& leg, Link& link, net::ByteChain& batch) {
  Request& request = *leg.request;
  giveText(request, link, batch);
  std::uint32_t preludes = request.preludes;
  std::string scripts;
  const std::uint64_t generation = context_.scripts.generation();
  for (const ScriptRef& script : request.scripts) {
    if (!link.scripts().add(script->sha, generation)) continue;
    protocol::appendRequest(scripts, {{"SCRIPT", "LOAD", script->text}});
    ++preludes;
  }
  const Front front = frontOf(leg, link);
  if (request.front == Front::CachingYes && front != request.front)
    request.client->leases().voidReadsOf(request, batch);
  if (scripts.empty()) return link.send(leg, batch, front, preludes);
  if (front != Front::None) {
    scripts += upstream::textOf(front);
    ++preludes;
  }
  request.frontBytes = scripts.size();
  net::ByteChain whole(context_.host.pool);
  whole.append(scripts);
  whole.splice(batch);
  link.send(leg, whole, Front::None, preludes);
}

void LegSender::markMoving(Slot slot) {
  anyMovingUntil_ = context_.host.now + kMovingFor;
  if (slot != protocol::kNoSlot) (*movingUntil_)[slot] = anyMovingUntil_;
}

}  // namespace slotless::session
