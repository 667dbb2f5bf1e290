#include "proxy/session/dispatcher.h"

#include <algorithm>
#include <charconv>

#include "protocol/encoder.h"
#include "protocol/error_reply.h"
#include "proxy/routing/merger.h"
#include "proxy/session/client.h"
#include "proxy/session/holding.h"
#include "proxy/session/services.h"

namespace slotless::session {

using protocol::Slot;
using upstream::Link;
using upstream::SentRequest;

namespace {

// A request is sent again at once that many times, then with pauses: two nodes may send it to and fro for a while, or
// it may be what breaks its links.
constexpr std::uint32_t kQuickAttempts = 4;
constexpr net::Millis kRetryPause{50};
// How long after an ASK or TRYAGAIN a slot counts as being moved.
constexpr net::Millis kMovingFor{1000};
// A look-up of the topology that was under way may have asked before the change: the second one counts.
constexpr std::uint64_t kRoundsToBeSure = 2;

// How long a request that can do without some nodes waits for one that has no link.
constexpr net::Millis kReachableWithin{1000};

constexpr std::string_view kNoMaster = "-CLUSTERDOWN The slot has no reachable master\r\n";
constexpr std::string_view kTooManyHeld = "-CLUSTERDOWN The slot has no reachable master, and too many requests wait\r\n";
constexpr std::string_view kTryAgain = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
constexpr std::string_view kAmbiguous =
    "-AMBIGUOUS The connection to the node broke after this command was sent: it may or may not have been carried out\r\n";

telemetry::Counter& counterOf(telemetry::WorkerMetrics& metrics, Trouble trouble) {
  using telemetry::Redirect;
  const auto at = [&](Redirect kind) -> telemetry::Counter& { return metrics.redirects[static_cast<std::size_t>(kind)]; };
  switch (trouble) {
    case Trouble::Moved: return at(Redirect::Moved);
    case Trouble::Ask: return at(Redirect::Ask);
    case Trouble::TryAgain: return at(Redirect::TryAgain);
    case Trouble::ClusterDown: return at(Redirect::ClusterDown);
    case Trouble::Loading: return at(Redirect::Loading);
    case Trouble::ReadOnly: return at(Redirect::ReadOnly);
    case Trouble::MasterDown: return at(Redirect::MasterDown);
    case Trouble::Unsent:
    case Trouble::LostSent:
    case Trouble::None: break;
  }
  return metrics.retries;
}

// Some slot of a master, by which its successor can be found; kNoSlot: it has none.
Slot anchorOf(const cluster::Topology& topology, cluster::NodeIndex node) {
  const auto found = std::find(topology.owners.begin(), topology.owners.end(), node);
  return found == topology.owners.end() ? protocol::kNoSlot : static_cast<Slot>(found - topology.owners.begin());
}

}  // namespace

void Dispatcher::start(Request& request, routing::Plan& plan, protocol::Argv argv, RequestBytes bytes) {
  using Kind = routing::Plan::Kind;
  request.dispatcher = this;
  request.merge = plan.merge;
  request.composer = std::move(plan.composer);
  if (plan.kind == Kind::BySlot) {
    request.makeLegs(plan.partCount);
    for (std::size_t i = 0; i < plan.partCount; ++i) {
      Leg& leg = request.leg(i);
      leg.slot = plan.parts[i].slot;
      leg.keys = plan.parts[i].keys;
      encodePart(plan, plan.parts[i], argv);
      launch(leg, {services_.encoded, nullptr});
    }
    return;
  }
  if (plan.kind == Kind::Prepared) return startPrepared(request, plan);
  if (plan.kind == Kind::EachNode) return startEachNode(request, plan, bytes.bytes);
  request.makeLegs(1);
  request.leg(0).slot = plan.kind == Kind::OneSlot ? plan.slot : protocol::kNoSlot;
  launch(request.leg(0), bytes);
}

void Dispatcher::startPrepared(Request& request, const routing::Plan& plan) {
  request.makeLegs(plan.partCount);
  for (std::size_t i = 0; i < plan.partCount; ++i) {
    Leg& leg = request.leg(i);
    leg.slot = plan.parts[i].slot;
    if (plan.node) {
      launchTo(leg, plan.parts[i].request, plan.node);
    } else {
      launch(leg, {plan.parts[i].request, nullptr});
    }
  }
}

void Dispatcher::startEachNode(Request& request, const routing::Plan& plan, std::string_view bytes) {
  const cluster::Topology& topology = services_.links.topology();
  std::vector<cluster::NodeIndex> nodes;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    if (topology.nodes[i].master || plan.replicas) nodes.push_back(static_cast<cluster::NodeIndex>(i));
  }
  if (plan.merge == routing::Merge::FirstNonNull && !nodes.empty()) {
    const auto first = services_.host.random(static_cast<std::uint32_t>(nodes.size()));
    std::rotate(nodes.begin(), nodes.begin() + first, nodes.end());
  }
  request.makeLegs(std::max<std::size_t>(1, nodes.size()));
  for (std::size_t i = 0; i < request.legCount(); ++i) {
    Leg& leg = request.leg(i);
    leg.slot = protocol::kNoSlot;
    leg.detour = std::make_unique<Detour>(services_.host.pool);
    // While a script runs, its link is not read from: what is meant to end it takes another one.
    leg.detour->urgent = request.spec->has(protocol::kAllowBusy);
    if (!nodes.empty()) leg.detour->anchor = anchorOf(topology, nodes[i]);
    if (plan.reachableOnly) leg.detour->deadline = services_.host.now + std::min(kReachableWithin, services_.config.holdTimeout);
    launchTo(leg, bytes, nodes.empty() ? std::nullopt : std::optional(topology.nodes[nodes[i]].address));
  }
}

void Dispatcher::launchTo(Leg& leg, std::string_view bytes, const std::optional<net::Address>& node) {
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->bytes.append(bytes);
  leg.detour->target = node;
  leg.detour->sticky = node.has_value();
  hold(leg, Trouble::Unsent);
}

void Dispatcher::encodePart(const routing::Plan& plan, const routing::Part& part, protocol::Argv argv) {
  std::vector<std::string_view> words;
  words.reserve(1 + part.keys.size() * plan.stride);
  words.push_back(argv[0]);
  for (const std::uint32_t ordinal : part.keys) {
    const std::uint32_t position = plan.keyPositions[ordinal];
    for (std::uint32_t i = 0; i < plan.stride; ++i) words.push_back(argv[position + i]);
  }
  services_.encoded.clear();
  protocol::appendRequest(services_.encoded, words);
}

bool Dispatcher::plainWay(const Client& client, Slot slot) {
  if (client.detoured) return false;
  const std::uint64_t version = services_.links.topology().version;
  const bool first = client.pending().size() == 1;  // the request itself
  if (!first && client.routedVersion != version) return false;
  if (slot == protocol::kNoSlot || services_.host.now >= anyMovingUntil_) return true;
  return services_.host.now >= (*movingUntil_)[slot];
}

void Dispatcher::launch(Leg& leg, RequestBytes bytes) {
  Client& client = *leg.request->client;
  if (plainWay(client, leg.slot)) {
    Link* link = leg.slot == protocol::kNoSlot ? services_.links.anyReady() : services_.links.linkFor(leg.slot);
    if (link != nullptr && link->ready() && link->bytesOpen() < services_.config.linkMaxInFlightBytes) {
      if (client.pending().size() == 1) client.routedVersion = services_.links.topology().version;
      leg.state = LegState::Sent;
      leg.link = link;
      if (bytes.block != nullptr) {
        link->send(leg, std::move(*bytes.block), false);
      } else {
        link->send(leg, bytes.bytes, false);
      }
      return;
    }
  }
  leg.detour = std::make_unique<Detour>(services_.host.pool);
  if (bytes.block != nullptr) {
    leg.detour->bytes.append(std::move(*bytes.block));
  } else {
    leg.detour->bytes.append(bytes.bytes);
  }
  hold(leg, Trouble::Unsent);
}

// Requires that the detour has the request's bytes.
void Dispatcher::hold(Leg& leg, Trouble trouble) {
  Client& client = *leg.request->client;
  leg.link = nullptr;
  leg.detour->trouble = trouble;
  if (!services_.holding.admits(leg.detour->bytes.size())) return failLeg(leg, kTooManyHeld);
  if (leg.detour->deadline == net::TimePoint{}) {
    leg.detour->deadline = services_.host.now + services_.config.holdTimeout;
  }
  leg.state = LegState::Held;
  client.detoured = true;
  services_.holding.add(client, leg);
  services_.agenda.add(client, Task::Pump);
}

void Dispatcher::holdAgain(Leg& leg, Trouble trouble, const SentRequest& sent) {
  services_.metrics.retries.add();
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  sent.copyTo(leg.detour->bytes);
  if (++leg.detour->attempts > kQuickAttempts) leg.detour->notBefore = services_.host.now + kRetryPause;
  hold(leg, trouble);
}

// Where a held leg would go now; nullptr: nowhere yet.
Link* Dispatcher::targetOf(Leg& leg) {
  Detour& detour = *leg.detour;
  const cluster::Topology& topology = services_.links.topology();
  if (services_.host.now < detour.notBefore) return nullptr;
  if (detour.target && !detour.sticky && topology.version != detour.targetVersion && !detour.awaitsTarget) {
    detour.target.reset();  // the topology knows better by now
    detour.asking = false;
  }
  Link* link = nullptr;
  if (detour.target) {
    const auto node = topology.find(*detour.target);
    if (detour.anchor != protocol::kNoSlot && (!node || !topology.nodes[*node].master)) {
      link = services_.links.linkFor(detour.anchor);  // another node has taken the master's place
    } else if (!node) {
      if (!detour.awaitsTarget || topology.version == detour.targetVersion) return nullptr;
      detour.target.reset();  // refreshed, and still unknown: back to the slot's owner
      detour.asking = false;
      detour.awaitsTarget = false;
      link = services_.links.linkFor(leg.slot);
    } else {
      link = detour.urgent ? &services_.links.urgentLinkTo(*node) : &services_.links.linkTo(*node);
    }
  } else if (leg.slot == protocol::kNoSlot) {
    link = services_.links.anyReady();
  } else {
    link = services_.links.linkFor(leg.slot);
  }
  if (link == nullptr || !link->ready() || link->bytesOpen() >= services_.config.linkMaxInFlightBytes) return nullptr;
  return link;
}

void Dispatcher::pump(Client& client) {
  if (client.heldLegs() == 0 && !client.detoured) return;
  ++pass_;
  bool clean = true;
  for (Request* request = client.pending().head(); request != nullptr; request = request->next) {
    for (std::size_t i = 0; i < request->legCount(); ++i) {
      Leg& leg = request->leg(i);
      if (leg.state == LegState::Done) continue;
      Link* wanted = leg.state == LegState::Held ? targetOf(leg) : leg.link;
      if (leg.slot == protocol::kNoSlot) {
        if (leg.state == LegState::Held && wanted != nullptr) sendHeld(client, leg, *wanted);
        clean = clean && leg.state == LegState::Sent;
        continue;
      }
      Mark& mark = (*marks_)[leg.slot];
      const bool firstOfSlot = mark.pass != pass_;
      const bool alone = firstOfSlot || (mark.link == wanted && services_.host.now >= (*movingUntil_)[leg.slot]);
      if (leg.state == LegState::Held && wanted != nullptr && alone) sendHeld(client, leg, *wanted);
      const bool sent = leg.state == LegState::Sent;
      clean = clean && sent && leg.link == services_.links.linkFor(leg.slot) &&
              (leg.detour == nullptr || !leg.detour->asking);
      mark.link = sent && (firstOfSlot || mark.link == leg.link) ? leg.link : nullptr;
      mark.pass = pass_;
    }
  }
  if (clean) {
    client.detoured = false;
    client.routedVersion = services_.links.topology().version;
  }
}

void Dispatcher::sendHeld(Client& client, Leg& leg, Link& link) {
  services_.holding.remove(client, leg);
  leg.state = LegState::Sent;
  leg.link = &link;
  link.send(leg, leg.detour->bytes, leg.detour->asking);
}

void Dispatcher::expire(Client& client) {
  // Collected first: failing a leg can end its request and others behind it.
  std::vector<Leg*> expired;
  for (Request* request = client.pending().head(); request != nullptr; request = request->next) {
    for (std::size_t i = 0; i < request->legCount(); ++i) {
      Leg& leg = request->leg(i);
      if (leg.state == LegState::Held && (services_.host.now >= leg.detour->deadline || isForged(leg))) {
        expired.push_back(&leg);
      }
    }
  }
  for (Leg* leg : expired) {
    services_.holding.remove(client, *leg);
    if (isForged(*leg)) {
      failLeg(*leg, std::string(leg->detour->redirectLine));
    } else {
      failLeg(*leg, leg->detour->trouble == Trouble::TryAgain ? kTryAgain : kNoMaster);
    }
  }
}

// A script's redirect to a node that the cluster does not have, even after the topology was looked up anew.
bool Dispatcher::isForged(const Leg& leg) const {
  const Detour& detour = *leg.detour;
  const RequestKind kind = leg.request->kind;
  const bool foreignText = kind == RequestKind::ScriptRead || kind == RequestKind::ScriptWrite;
  return foreignText && detour.awaitsTarget && services_.confirmations >= detour.confirmation + kRoundsToBeSure &&
         !services_.links.topology().find(*detour.target);
}

void Dispatcher::abandon(Request& request) {
  for (std::size_t i = 0; i < request.legCount(); ++i) {
    Leg& leg = request.leg(i);
    if (leg.state != LegState::Held) continue;
    services_.holding.remove(*request.client, leg);
    leg.state = LegState::Done;
    --request.openLegs;
  }
  request.client = nullptr;
  if (request.openLegs == 0) services_.requests.put(request);
}

void Dispatcher::onReply(Leg& leg, std::string_view bytes, bool last) { deliver(leg, bytes, last); }

void Dispatcher::deliver(Leg& leg, std::string_view bytes, bool last) {
  Request& request = *leg.request;
  if (request.client != nullptr) {
    leg.replyBegun = true;
    if (request.streams()) {
      request.client->deliver(request, bytes);
    } else {
      leg.reply.append(bytes);
    }
  }
  if (last) finishLeg(leg, false);
}

void Dispatcher::onErrorReply(Leg& leg, std::string_view line, const SentRequest& sent) {
  if (leg.request->client == nullptr) return finishLeg(leg, true);
  const protocol::ErrorReply error = protocol::classifyError(line);
  const Trouble trouble = troubleOf(error.errorClass);
  const Action action = actionFor(trouble, leg.request->kind, error.serverText);
  if (action == Action::PassOn) return failLeg(leg, line);
  counterOf(services_.metrics, trouble).add();
  if (action == Action::Reroute) {
    if (!redirect(leg, line, error, sent)) failLeg(leg, line);
    return;
  }
  if (trouble == Trouble::TryAgain) {
    (*movingUntil_)[leg.slot == protocol::kNoSlot ? 0 : leg.slot] = services_.host.now + kMovingFor;
    anyMovingUntil_ = services_.host.now + kMovingFor;
  } else {
    services_.control.refreshTopology(true);
  }
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->notBefore = services_.host.now + kRetryPause;
  holdAgain(leg, trouble, sent);
}

// False: the redirect is none that a node makes for this request; it is the client's.
bool Dispatcher::redirect(Leg& leg, std::string_view line, const protocol::ErrorReply& error, const SentRequest& sent) {
  if (leg.slot == protocol::kNoSlot || error.slot != leg.slot) return false;
  const net::Address& asked = leg.link->node();
  const net::Address target{error.host.empty() ? asked.host : std::string(error.host), error.port};
  if (target == asked) return false;
  const bool ask = error.errorClass == protocol::ErrorClass::Ask;
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
  if (ask) {
    (*movingUntil_)[leg.slot] = services_.host.now + kMovingFor;
    anyMovingUntil_ = services_.host.now + kMovingFor;
  }
  if (!ask || !known) services_.control.refreshTopology(!known);
  holdAgain(leg, ask ? Trouble::Ask : Trouble::Moved, sent);
  return true;
}

void Dispatcher::onLost(Leg& leg, upstream::Loss loss, const SentRequest& sent) {
  Request& request = *leg.request;
  if (request.client == nullptr) return finishLeg(leg, true);
  const Trouble trouble = loss == upstream::Loss::Unsent ? Trouble::Unsent : Trouble::LostSent;
  const bool reachedClient = leg.replyBegun && request.streams() && request.isHead();
  if (reachedClient) {
    // Half a reply cannot be taken back.
    Client& client = *request.client;
    finishLeg(leg, true);
    client.close("the link broke in the middle of a reply");
    return;
  }
  if (actionFor(trouble, request.kind, false) == Action::Ambiguous) {
    services_.metrics.ambiguousWrites.add();
    return failLeg(leg, kAmbiguous);
  }
  request.client->discardWaiting(request);
  leg.reply.clear();
  leg.replyBegun = false;
  if (leg.detour != nullptr && !leg.detour->sticky) {
    leg.detour->target.reset();
    leg.detour->asking = false;
  }
  holdAgain(leg, trouble, sent);
}

// The client gets `line`, whole, as the reply (or as this leg's part of it).
void Dispatcher::failLeg(Leg& leg, std::string_view line) {
  Request& request = *leg.request;
  if (request.streams()) {
    request.client->discardWaiting(request);
    request.client->deliver(request, line);
  } else {
    leg.reply.assign(line);
  }
  finishLeg(leg, true);
}

void Dispatcher::finishLeg(Leg& leg, bool failed) {
  Request& request = *leg.request;
  leg.state = LegState::Done;
  leg.link = nullptr;
  leg.detour.reset();
  if (request.client != nullptr && request.client->heldLegs() > 0) services_.agenda.add(*request.client, Task::Pump);
  if (--request.openLegs > 0) return;
  if (request.client == nullptr) {
    services_.requests.put(request);
    return;
  }
  if (!request.streams()) failed = !mergeLegs(request);
  finishRequest(request, failed);
}

void Dispatcher::finishRequest(Request& request, bool failed) {
  services_.metrics.command(request.spec->id)
      .record(std::chrono::duration_cast<net::Micros>(services_.host.now - request.arrived), failed);
  request.client->onRequestDone(request);
}

bool Dispatcher::mergeLegs(Request& request) {
  std::vector<routing::PartReply> parts;
  parts.reserve(request.legCount());
  for (std::size_t i = 0; i < request.legCount(); ++i) parts.push_back({request.leg(i).reply, request.leg(i).keys});
  services_.encoded.clear();
  const bool good = request.composer != nullptr ? request.composer->compose(parts, services_.encoded)
                                                : routing::mergeReplies(request.merge, parts, services_.encoded);
  request.client->deliver(request, services_.encoded);
  return good;
}

}  // namespace slotless::session
