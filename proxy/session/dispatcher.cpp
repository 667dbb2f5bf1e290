#include "proxy/session/dispatcher.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "protocol/encoder.h"
#include "protocol/error_reply.h"
#include "protocol/key_extraction.h"
#include "protocol/request_parser.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/router.h"
#include "proxy/session/blocking.h"
#include "proxy/session/client.h"
#include "proxy/session/holding.h"
#include "proxy/session/local_commands.h"
#include "proxy/session/publishing.h"
#include "proxy/session/services.h"
#include "proxy/session/slow_log.h"
#include "proxy/session/slow_request.h"

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
constexpr std::string_view kOvertaken =
    "-CLUSTERDOWN The slot was not served when this command came, and a later one has been carried out\r\n";
constexpr std::string_view kUnblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
constexpr std::string_view kAmbiguous =
    "-AMBIGUOUS The connection to the node broke after this command was sent: it may or may not have been carried out\r\n";

const net::Address& ownerOf(const cluster::Topology& topology, Slot slot) {
  static const net::Address nobody;
  const cluster::NodeIndex owner = topology.owners[slot];
  return owner == cluster::kNoNode ? nobody : topology.nodes[owner].address;
}

// Refused for a while by a node that may have carried out the next one. Not ASK: there it says where to go, and only other
// keys of the slot can have been served.
bool wasRefused(Trouble trouble) {
  return trouble == Trouble::TryAgain || trouble == Trouble::ClusterDown || trouble == Trouble::Loading ||
         trouble == Trouble::ReadOnly || trouble == Trouble::MasterDown;
}

// Reads outside of sessions, where the client's policy says so. What has met trouble there goes to the master, unless only
// replicas will do.
bool readsFromReplica(const Leg& leg) {
  const Request& request = *leg.request;
  Client& client = *request.client;
  if (client.readFrom == config::ReadFrom::Master || request.kind != RequestKind::Read) return false;
  const bool transaction = request.spec->role == protocol::SessionRole::Exec;
  if (request.lease || transaction || client.conversation().watching() || leg.slot == protocol::kNoSlot) return false;
  return client.readFrom == config::ReadFrom::Replica || leg.detour == nullptr || leg.detour->attempts == 0;
}

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
    case Trouble::NoScript: return at(Redirect::NoScript);
    case Trouble::Unsent:
    case Trouble::LostSent:
    case Trouble::Unblocked:
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
    std::vector<std::uint32_t> positions;
    request.makeLegs(plan.partCount);
    for (std::size_t i = 0; i < plan.partCount; ++i) {
      const routing::Part& part = plan.parts[i];
      Leg& leg = request.leg(i);
      leg.slot = part.slot;
      leg.keys = part.keys;
      positions.clear();
      for (const std::uint32_t ordinal : part.keys) positions.push_back(plan.keyPositions[ordinal]);
      encodeKeys(argv, positions, plan.stride);
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

void Dispatcher::startOnNodes(Request& request, const std::vector<NodeBatch>& batches) {
  request.dispatcher = this;
  request.makeLegs(batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    Leg& leg = request.leg(i);
    leg.slot = batches[i].slot;
    launchTo(leg, batches[i].bytes, batches[i].node);
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

void Dispatcher::startBatch(Request& request, Slot slot, net::ByteChain& batch) {
  request.dispatcher = this;
  request.makeLegs(1);
  Leg& leg = request.leg(0);
  leg.slot = slot;
  Link* link = plainWay(*request.client, slot) ? linkForSlot(leg) : nullptr;
  if (link != nullptr) {
    if (request.client->pending().size() == 1) request.client->routedVersion = services_.links.topology().version;
    leg.state = LegState::Sent;
    leg.sentAt = services_.host.now;
    leg.link = link;
    link->send(leg, batch, false, request.preludes);
    return;
  }
  leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->bytes.splice(batch);
  hold(leg, Trouble::Unsent);
}

void Dispatcher::startLate(Request& request) {
  request.dispatcher = this;
  request.makeLegs(1);
  request.leg(0).slot = protocol::kNoSlot;
  request.leg(0).state = LegState::Sent;
}

void Dispatcher::finishLate(Request& request, std::string_view reply) {
  Leg& leg = request.leg(0);
  if (request.client != nullptr && reply.starts_with('-')) return failLeg(leg, reply);
  deliver(leg, reply, true);
}

bool Dispatcher::unblockHeld(Client& client, bool asError) {
  Request* request = client.pending().head();
  if (request == nullptr || request->legCount() != 1 || request->leg(0).state != LegState::Held) return false;
  Leg& leg = request->leg(0);
  services_.holding.remove(client, leg);
  if (asError) {
    failLeg(leg, kUnblocked);
  } else {
    timeOut(leg);
  }
  return true;
}

// The command with some of its keys (and what belongs to each), into services_.encoded.
void Dispatcher::encodeKeys(protocol::Argv argv, std::span<const std::uint32_t> positions, std::uint32_t stride) {
  std::vector<std::string_view> words;
  words.reserve(1 + positions.size() * stride);
  words.push_back(argv[0]);
  for (const std::uint32_t position : positions) {
    for (std::uint32_t i = 0; i < stride; ++i) words.push_back(argv[position + i]);
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
  Link* link = plainWay(client, leg.slot) ? linkForSlot(leg) : nullptr;
  if (link != nullptr) {
    if (client.pending().size() == 1) client.routedVersion = services_.links.topology().version;
    leg.state = LegState::Sent;
    leg.sentAt = services_.host.now;
    leg.link = link;
    if (bytes.block != nullptr) {
      link->send(leg, std::move(*bytes.block), false);
    } else {
      link->send(leg, bytes.bytes, false);
    }
    return;
  }
  leg.detour = std::make_unique<Detour>(services_.host.pool);
  if (bytes.block != nullptr) {
    leg.detour->bytes.append(std::move(*bytes.block));
  } else {
    leg.detour->bytes.append(bytes.bytes);
  }
  hold(leg, Trouble::Unsent);
}

// The client's link to a node: its lease there, or the shared one. nullptr: none that could take a request now.
Link* Dispatcher::linkToNode(Leg& leg, cluster::NodeIndex node) {
  Client& client = *leg.request->client;
  Conversation& conversation = client.conversation();
  const net::Address& address = services_.links.topology().nodes[node].address;
  Link* link = nullptr;
  if (leg.request->lease) {
    link = conversation.leaseAt(address, *leg.request->lease);
  } else if (conversation.watching()) {
    link = conversation.watchLease(address);
  }
  if (link == nullptr && !leg.request->lease) {
    const bool urgent = leg.detour != nullptr && leg.detour->urgent;
    link = urgent ? &client.links().urgentLinkTo(node) : &client.links().linkTo(node);
  }
  if (link == nullptr || !link->ready() || link->bytesOpen() >= services_.config.linkMaxInFlightBytes) return nullptr;
  return link;
}

// A client stays on one replica of a master, as long as that is there.
Link* Dispatcher::replicaLink(Leg& leg, cluster::NodeIndex master) {
  const Client& client = *leg.request->client;
  const auto& replicas = services_.links.topology().nodes[master].replicas;
  upstream::LinkPool& pool = services_.replicaLinksFor(client.protocol);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    Link& link = pool.linkTo(replicas[(client.id() + i) % replicas.size()]);
    if (link.ready() && link.bytesOpen() < services_.config.linkMaxInFlightBytes) return &link;
  }
  return nullptr;
}

// Where a leg goes that nobody has redirected.
Link* Dispatcher::linkForSlot(Leg& leg) {
  const cluster::Topology& topology = services_.links.topology();
  if (leg.slot != protocol::kNoSlot) {
    const cluster::NodeIndex owner = topology.owners[leg.slot];
    if (owner == cluster::kNoNode) return nullptr;
    if (!readsFromReplica(leg)) return linkToNode(leg, owner);
    if (Link* link = replicaLink(leg, owner)) return link;
    return leg.request->client->readFrom == config::ReadFrom::Replica ? nullptr : linkToNode(leg, owner);
  }
  Client& client = *leg.request->client;
  if (leg.request->lease) {  // a batch without keys on the watch's lease
    Link* lease = client.conversation().currentWatchLease();
    return lease != nullptr && lease->ready() ? lease : nullptr;
  }
  return client.links().anyReady();
}

// Requires that the detour has the request's bytes.
void Dispatcher::hold(Leg& leg, Trouble trouble) {
  Client& client = *leg.request->client;
  leg.link = nullptr;
  leg.detour->trouble = trouble;
  if (client.inputEnded()) return failLeg(leg, kNoMaster);  // perhaps nobody is there: nothing is tried for it again
  if (!services_.holding.admits(leg.detour->bytes.size())) return failLeg(leg, kTooManyHeld);
  if (leg.detour->deadline == net::TimePoint{}) {
    leg.detour->deadline = services_.host.now + services_.config.holdTimeout;
    const auto& blockedUntil = leg.request->blockedUntil;
    if (blockedUntil) leg.detour->deadline = std::min(leg.detour->deadline, *blockedUntil);
  }
  leg.state = LegState::Held;
  client.detoured = true;
  services_.holding.add(client, leg);
  services_.agenda.add(client, Task::Pump);
}

void Dispatcher::holdAgain(Leg& leg, Trouble trouble, const SentRequest& sent) {
  services_.metrics.retries.add();
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  // A script that was loaded on the way is not loaded again: ASKING would count for it, not for the request.
  Request& request = *leg.request;
  sent.copyTo(leg.detour->bytes, request.scriptBytes);
  if (request.scriptBytes > 0) --request.preludes;
  request.scriptBytes = 0;
  if (request.lease == upstream::LeaseUse::Blocking && leg.detour->deadline != net::TimePoint{}) {
    // It was not without a node while it was blocked.
    leg.detour->deadline += services_.host.now - leg.detour->sentAt;
    if (request.blockedUntil) leg.detour->deadline = std::min(leg.detour->deadline, *request.blockedUntil);
  }
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
  if (!detour.target) return linkForSlot(leg);
  const auto node = topology.find(*detour.target);
  if (detour.anchor != protocol::kNoSlot && (!node || !topology.nodes[*node].master)) {
    // Another node has taken the master's place.
    const cluster::NodeIndex owner = topology.owners[detour.anchor];
    return owner == cluster::kNoNode ? nullptr : linkToNode(leg, owner);
  }
  if (node) return linkToNode(leg, *node);
  if (!detour.awaitsTarget || topology.version == detour.targetVersion) return nullptr;
  detour.target.reset();  // looked up anew, and still unknown: back to the slot's owner
  detour.asking = false;
  detour.awaitsTarget = false;
  return linkForSlot(leg);
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
      // Reads from replicas have no order to keep.
      if (leg.slot == protocol::kNoSlot || readsFromReplica(leg)) {
        if (leg.state == LegState::Held && wanted != nullptr) sendHeld(client, leg, *wanted);
        clean = clean && leg.state == LegState::Sent;
        continue;
      }
      Mark& mark = (*marks_)[leg.slot];
      const bool firstOfSlot = mark.pass != pass_;
      const bool alone = firstOfSlot || (mark.link == wanted && services_.host.now >= (*movingUntil_)[leg.slot]);
      if (leg.state == LegState::Held && wanted != nullptr && alone) sendHeld(client, leg, *wanted);
      const bool sent = leg.state == LegState::Sent;
      clean = clean && sent && (leg.detour == nullptr || !leg.detour->asking) &&
              leg.link->node() == ownerOf(services_.links.topology(), leg.slot);
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
  leg.sentAt = services_.host.now;
  leg.link = &link;
  leg.detour->sentAt = services_.host.now;
  Request& request = *leg.request;
  if (request.blockedUntil) {
    // The time it has waited here counts.
    const auto left = std::chrono::duration_cast<net::Millis>(*request.blockedUntil - services_.host.now);
    rewriteBlockTimeout(*request.spec, left, leg.detour->bytes);
  }
  link.send(leg, leg.detour->bytes, leg.detour->asking, request.preludes);
}

void Dispatcher::expire(Client& client) {
  // Collected first: failing a leg can end its request and others behind it.
  std::vector<Leg*> expired;
  for (Request* request = client.pending().head(); request != nullptr; request = request->next) {
    for (std::size_t i = 0; i < request->legCount(); ++i) {
      Leg& leg = request->leg(i);
      if (leg.state != LegState::Held) continue;
      if (services_.host.now >= leg.detour->deadline || isForged(leg) || hasLostWatch(leg)) expired.push_back(&leg);
    }
  }
  for (Leg* leg : expired) {
    services_.holding.remove(client, *leg);
    expireLeg(*leg);
  }
}

bool Dispatcher::hasLostWatch(const Leg& leg) const {
  const Request& request = *leg.request;
  return request.lease == upstream::LeaseUse::Transaction && request.client->conversation().watchBroken();
}

void Dispatcher::expireLeg(Leg& leg) {
  Request& request = *leg.request;
  if (hasLostWatch(leg) && failTransaction(leg, Trouble::Unsent)) return;
  if (isForged(leg)) return failLeg(leg, std::string(leg.detour->redirectLine));
  if (request.blockedUntil && services_.host.now >= *request.blockedUntil) {
    return timeOut(leg);
  }
  failLeg(leg, leg.detour->trouble == Trouble::TryAgain ? kTryAgain : kNoMaster);
}

// Its own timeout, as a node would have answered.
void Dispatcher::timeOut(Leg& leg) {
  std::string null;
  protocol::appendNullArrayIn(null, leg.request->client->protocol);
  deliver(leg, null, true);
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

void Dispatcher::onReply(Leg& leg, std::string_view bytes, bool last) {
  const Request& request = *leg.request;
  if (last && request.client != nullptr && request.spec->role == protocol::SessionRole::Wait && !leg.preludeError.empty()) {
    return failLeg(leg, std::string(leg.preludeError));  // the write before it was refused: the number says nothing
  }
  deliver(leg, bytes, last);
}

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
  if (!leg.preludeError.empty() && leg.request->scriptTried) leg.preludeError.clear();  // SCRIPT LOAD's: see what EVALSHA says
  if (!leg.preludeError.empty()) {
    // A queued command was refused, so EXEC has run nothing; why it was refused decides.
    const std::string cause = std::exchange(leg.preludeError, {});
    const protocol::ErrorReply error = protocol::classifyError(cause);
    if (retry(leg, troubleOf(error.errorClass), cause, error, sent)) return;
    return failLeg(leg, "-EXECABORT Transaction discarded because of: " + cause.substr(1));
  }
  const protocol::ErrorReply error = protocol::classifyError(line);
  if (!retry(leg, troubleOf(error.errorClass), line, error, sent)) failLeg(leg, line);
}

// False: the error is the client's.
bool Dispatcher::retry(Leg& leg, Trouble trouble, std::string_view line, const protocol::ErrorReply& error,
                       const SentRequest& sent) {
  const Action action = actionFor(trouble, leg.request->kind, error.serverText);
  if (action == Action::PassOn) return false;
  if (action == Action::LoadScript) return loadScript(leg, sent);
  counterOf(services_.metrics, trouble).add();
  if (failTransaction(leg, trouble)) return true;
  if (action == Action::Reroute) return redirect(leg, line, error, sent);
  if (trouble == Trouble::TryAgain) {
    markMoving(leg.slot);
    if (splitPerKey(leg, sent)) return true;
  } else {
    services_.control.refreshTopology(true);
  }
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->notBefore = services_.host.now + kRetryPause;
  holdAgain(leg, trouble, sent);
  return true;
}

// The node gets the script and the request again in one piece. False: the script is not known here, or that has been tried.
bool Dispatcher::loadScript(Leg& leg, const SentRequest& sent) {
  Request& request = *leg.request;
  if (request.scriptTried || request.spec->scriptSha == 0 || request.legCount() != 1) return false;
  net::ByteChain chain(services_.host.pool);
  sent.copyTo(chain);
  const std::string bytes = chain.toString();
  protocol::RequestParser parser;
  if (parser.parse(bytes, {}) != protocol::RequestParser::Status::Complete) return false;
  const auto script = services_.control.scripts().find(parser.argv()[static_cast<std::size_t>(request.spec->scriptSha)]);
  if (!script) return false;
  counterOf(services_.metrics, Trouble::NoScript).add();
  std::string load;
  protocol::appendRequest(load, std::array<std::string_view, 3>{"SCRIPT", "LOAD", *script});
  request.scriptTried = true;
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->bytes.append(load);
  holdAgain(leg, Trouble::NoScript, sent);
  if (leg.state != LegState::Held) return true;  // refused: the request may be over
  request.scriptBytes = load.size();
  request.preludes += 1;
  return true;
}

// With a watch, what cannot be run at once on the lease counts as "a watched key has changed". True: dealt with.
bool Dispatcher::failTransaction(Leg& leg, Trouble trouble) {
  Request& request = *leg.request;
  if (request.lease != upstream::LeaseUse::Transaction || trouble == Trouble::LostSent) return false;
  // An EXEC that was refused has ended the watch in the node: sent again, it would run whatever has changed.
  const bool passes = trouble == Trouble::TryAgain || trouble == Trouble::ClusterDown || trouble == Trouble::Loading;
  if (passes && request.spec->role != protocol::SessionRole::Exec) return false;
  Conversation& conversation = request.client->conversation();
  switch (request.spec->role) {
    case protocol::SessionRole::Exec: {
      conversation.breakWatch();
      std::string null;
      protocol::appendNullArrayIn(null, request.client->protocol);
      leg.reply.clear();
      request.transaction.reset();
      request.client->deliver(request, null);
      finishLeg(leg, false);
      return true;
    }
    case protocol::SessionRole::Watch:
      if (conversation.firstWatch()) return false;  // nothing is watched yet: go where it is told
      conversation.breakWatch();
      break;
    default: conversation.breakWatch();  // UNWATCH, DISCARD: there is nothing left to forget
  }
  request.client->deliver(request, "+OK\r\n");
  finishLeg(leg, false);
  return true;
}

void Dispatcher::markMoving(Slot slot) {
  anyMovingUntil_ = services_.host.now + kMovingFor;
  if (slot != protocol::kNoSlot) (*movingUntil_)[slot] = anyMovingUntil_;
}

// A multi-key command that may be split goes on key by key: each key is on one side or the other.
bool Dispatcher::splitPerKey(Leg& leg, const SentRequest& sent) {
  Request& request = *leg.request;
  const protocol::CommandSpec& spec = *request.spec;
  if (spec.handling != protocol::Handling::Split) return false;
  net::ByteChain chain(services_.host.pool);
  sent.copyTo(chain);
  const std::string bytes = chain.toString();
  protocol::RequestParser parser;
  if (parser.parse(bytes, {}) != protocol::RequestParser::Status::Complete) return false;
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(spec, parser.argv(), positions) != protocol::KeyResult::Ok) return false;
  if (positions.size() < 2) return false;
  std::vector<std::uint32_t> ordinals = leg.keys;
  if (ordinals.empty()) {  // it was not split so far
    ordinals.resize(positions.size());
    std::iota(ordinals.begin(), ordinals.end(), 0U);
  }
  request.merge = routing::mergeFor(spec);
  const Slot slot = leg.slot;
  const auto stride = static_cast<std::uint32_t>(std::max(1, spec.keyStep));
  // All are there before one is held: a part that is refused must not end the request.
  const std::size_t firstAdded = request.legCount();
  for (std::size_t i = 1; i < positions.size(); ++i) request.addLeg();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    Leg& part = i == 0 ? leg : request.leg(firstAdded + i - 1);
    part.slot = slot;
    part.keys.assign(1, ordinals[i]);
    part.detour = std::make_unique<Detour>(services_.host.pool);
    encodeKeys(parser.argv(), std::span(&positions[i], 1), stride);
    part.detour->bytes.append(services_.encoded);
    hold(part, Trouble::TryAgain);
  }
  return true;
}

// False: the redirect is none that a node makes for this request; it is the client's.
bool Dispatcher::redirect(Leg& leg, std::string_view line, const protocol::ErrorReply& error, const SentRequest& sent) {
  if (leg.slot == protocol::kNoSlot || error.slot != leg.slot || error.host == "?") return false;
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
  if (ask) markMoving(leg.slot);
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
  leg.preludeError.clear();
  leg.replyBegun = false;
  if (failTransaction(leg, trouble)) return;
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
  if (request.openLegs == 1) noteIfSlow(leg);
  leg.state = LegState::Done;
  const bool wrote = request.kind != RequestKind::Read && request.kind != RequestKind::ScriptRead;
  if (wrote && request.client != nullptr && leg.link != nullptr) request.client->noteWriteTo(leg.link->node());
  leg.link = nullptr;
  leg.detour.reset();
  if (request.client != nullptr && request.client->heldLegs() > 0) {
    if (!failed) failOvertaken(leg);
    services_.agenda.add(*request.client, Task::Pump);
  }
  if (--request.openLegs > 0) return;
  if (request.client == nullptr) {
    services_.requests.put(request);
    return;
  }
  if (!request.streams()) failed = !mergeLegs(request);
  finishRequest(request, failed);
}

// A node refused a request for a while and has carried out a later one of the same client and slot: what was refused must
// not be carried out after it.
void Dispatcher::failOvertaken(const Leg& leg) {
  if (leg.slot == protocol::kNoSlot) return;
  Client& client = *leg.request->client;
  std::vector<Leg*> overtaken;
  for (Request* earlier = client.pending().head(); earlier != leg.request && earlier != nullptr; earlier = earlier->next) {
    for (std::size_t i = 0; i < earlier->legCount(); ++i) {
      Leg& other = earlier->leg(i);
      const bool refused = other.state == LegState::Held && wasRefused(other.detour->trouble);
      const bool onlyReads = earlier->kind == RequestKind::Read && leg.request->kind == RequestKind::Read;
      if (refused && other.slot == leg.slot && !onlyReads) overtaken.push_back(&other);
    }
  }
  for (Leg* other : overtaken) {
    services_.holding.remove(client, *other);
    failLeg(*other, other->detour->trouble == Trouble::TryAgain ? kTryAgain : kOvertaken);
  }
}

void Dispatcher::noteIfSlow(const Leg& leg) {
  const bool blocks = leg.request->lease == upstream::LeaseUse::Blocking;
  const auto duration = blocks ? net::Micros{0} : std::chrono::duration_cast<net::Micros>(services_.host.now - leg.request->arrived);
  if (services_.slowLog.isSlow(duration)) noteSlowRequest(services_, leg, duration);
}

void Dispatcher::finishRequest(Request& request, bool failed) {
  services_.metrics.command(request.spec->id)
      .record(std::chrono::duration_cast<net::Micros>(services_.host.now - request.arrived), failed);
  request.client->onRequestDone(request);
}

bool Dispatcher::mergeLegs(Request& request) {
  if (request.transaction != nullptr) {
    std::string reply;
    ReplySwitch& replies = request.client->replySwitch();
    const bool heard = !replies.off();
    const auto correct = [&](std::string_view channel, std::string_view published, std::string& out) {
      appendPublished(services_, channel, request.leg(0).slot, published, out);
    };
    request.transaction->assemble(request.leg(0).reply, services_.localCommands.runnerFor(*request.client), correct, reply);
    request.muted = request.muted || (heard && replies.off());  // CLIENT REPLY OFF among them
    request.client->deliver(request, reply);
    return !reply.starts_with('-');
  }
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
