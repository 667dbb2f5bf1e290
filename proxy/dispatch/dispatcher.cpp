#include "proxy/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/giving_way.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/leases.h"
#include "proxy/dispatch/long_split.h"
#include "proxy/dispatch/pausing.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/dispatch/request_copy.h"
#include "proxy/dispatch/slot_guard.h"
#include "proxy/dispatch/work.h"
#include "proxy/telemetry/cross_slot_counts.h"

namespace slotless::session {

namespace {

using protocol::Slot;

// How long a request that can do without some nodes waits for one that has no link.
constexpr net::Millis kReachableWithin{1000};

// A command that blocks and the end of its client's input that come within that time have been sent together:
// one Redis would have looked once before it saw the end. After that time it would have been waiting.
constexpr net::Millis kTogether{100};

// Some slot of a master, by which its successor can be found; kNoSlot: it has none.
Slot anchorOf(const cluster::Topology& topology, cluster::NodeIndex node) {
  const auto found = std::find(topology.owners.begin(), topology.owners.end(), node);
  return found == topology.owners.end() ? protocol::kNoSlot
                                        : static_cast<Slot>(found - topology.owners.begin());
}

void countBytes(const Request& request, const routing::Plan& stage) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < stage.partCount; ++i) bytes += stage.parts[i].request.size();
  telemetry::CrossSlotCounts::ofProcess().addBytes(request.spec->name, bytes);
}

// A script of the client's may say what it likes, as an error too; one of the proxy's own says nothing of
// that kind.
RequestKind kindOfStage(const Request& request, const routing::Plan& stage) {
  if (!stage.writes) return RequestKind::Read;
  const bool clientsScript = stage.preludes == 0 && kindOf(*request.spec) == RequestKind::ScriptWrite;
  return clientsScript ? RequestKind::ScriptWrite : RequestKind::Transaction;
}

// Nodes that could not be reached when that was tried last, unless these are all: then they are waited for.
void leaveOutAbsent(std::vector<cluster::NodeIndex>& nodes, upstream::LinkPool& links) {
  std::vector<cluster::NodeIndex> there;
  for (const cluster::NodeIndex node : nodes) {
    if (!links.linkTo(node).failing()) there.push_back(node);
  }
  if (!there.empty()) nodes = std::move(there);
}

}  // namespace

void Dispatcher::start(Request& request, routing::Plan& plan, protocol::Argv argv, RequestBytes bytes) {
  using Kind = routing::Plan::Kind;
  request.dispatcher = this;
  request.merge = plan.merge;
  request.composer = std::move(plan.composer);
  request.staged = plan.staged;
  if (plan.staged) {
    request.kind = kindOfStage(request, plan);
    request.preludes = plan.preludes;
    if (auto* pausing = dynamic_cast<Pausing*>(request.composer.get())) pausing->belongTo(request);
  }
  if (mayGiveWay(context_, *request.client)) giveWay(context_, *request.client, plan);
  if (plan.kind == Kind::BySlot) return startBySlot(request, plan, argv);
  if (plan.kind == Kind::Prepared) return startPrepared(request, plan);
  if (plan.kind == Kind::EachNode)
    return startEachNode(request, plan, plan.rewritten.empty() ? bytes.bytes : plan.rewritten);
  request.makeLegs(1);
  request.leg(0).slot = plan.kind == Kind::OneSlot ? plan.slot : protocol::kNoSlot;
  sender_.launch(request.leg(0), bytes);
}

void Dispatcher::startShort(Request& request, Slot slot, std::string_view bytes) {
  request.dispatcher = this;
  if (mayGiveWay(context_, *request.client)) giveWay(context_, *request.client, slot);
  Leg& leg = request.makeShort();
  leg.slot = slot;
  sender_.launchShort(leg, bytes);
}

void Dispatcher::startBySlot(Request& request, routing::Plan& plan, protocol::Argv argv) {
  std::vector<std::uint32_t>& positions = positions_;
  const bool usual = !request.lease && request.front == upstream::Front::None && request.scripts.empty() &&
                     request.client->leases().sharesLinks();
  request.makeLegs(plan.partCount);
  for (std::size_t i = 0; i < plan.partCount; ++i) {
    routing::Part& part = plan.parts[i];
    Leg& leg = request.leg(i);
    leg.slot = part.slot;
    std::swap(leg.keys, part.keys);
    positions.clear();
    for (const std::uint32_t ordinal : leg.keys) positions.push_back(plan.keyPositions[ordinal]);
    encodeWithKeys(argv, positions, plan.stride, context_.encoded);
    if (usual) {
      sender_.launchShort(leg, context_.encoded);
    } else {
      sender_.launch(leg, {context_.encoded});
    }
  }
}

void Dispatcher::startPrepared(Request& request, const routing::Plan& plan) {
  if (plan.staged) countBytes(request, plan);
  request.makeLegs(plan.partCount);
  for (std::size_t i = 0; i < plan.partCount; ++i) {
    Leg& leg = request.leg(i);
    leg.slot = plan.parts[i].slot;
    if (plan.preludes > 0 || plan.node) {
      sender_.launchTo(leg, plan.parts[i].request, plan.node);
    } else {
      sender_.launch(leg, {plan.parts[i].request});
    }
  }
}

void Dispatcher::startStages(Request& request, const routing::Plan& first) {
  request.dispatcher = this;
  request.staged = true;
  goOn(request, first);
}

void Dispatcher::goOn(Request& request, const routing::Plan& stage) {
  request.dropLegs();
  request.kind = kindOfStage(request, stage);
  request.preludes = stage.preludes;
  request.fromMasters = stage.fromMasters;
  if (stage.kind == routing::Plan::Kind::EachNode) return startEachNode(request, stage, stage.rewritten);
  countBytes(request, stage);
  const std::size_t room = request.legRoom();
  request.makeLegs(stage.partCount);
  request.client->charge(request, (request.legRoom() - room) * sizeof(Leg));
  for (std::size_t i = 0; i < stage.partCount; ++i) {
    Leg& leg = request.leg(i);
    leg.slot = stage.parts[i].slot;
    if (stage.preludes > 0 || stage.node) {
      sender_.launchTo(leg, stage.parts[i].request, stage.node);
    } else {
      sender_.launch(leg, {stage.parts[i].request});
    }
  }
}

void Dispatcher::startOnNodes(Request& request, const std::vector<NodeBatch>& batches) {
  request.dispatcher = this;
  request.makeLegs(batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    Leg& leg = request.leg(i);
    leg.slot = batches[i].slot;
    sender_.launchTo(leg, batches[i].bytes, batches[i].node);
  }
}

void Dispatcher::startEachNode(Request& request, const routing::Plan& plan, std::string_view bytes) {
  const cluster::Topology& topology = context_.links.topology();
  std::vector<cluster::NodeIndex> nodes;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const auto node = static_cast<cluster::NodeIndex>(i);
    const bool isMaster = topology.nodes[i].master && !context_.links.isReplaced(node);
    if (isMaster || plan.replicas || plan.lastingNodes) nodes.push_back(node);
  }
  const bool forgoes = plan.reachableOnly || request.spec->forgoesAbsent;
  if (forgoes) leaveOutAbsent(nodes, context_.links);
  if (plan.merge == routing::Merge::FirstNonNull && !nodes.empty()) {
    const auto first = context_.host.random(static_cast<std::uint32_t>(nodes.size()));
    std::rotate(nodes.begin(), nodes.begin() + first, nodes.end());
  }
  std::vector<net::Address> targets;
  for (const cluster::NodeIndex node : nodes) targets.push_back(topology.nodes[node].address);
  if (plan.lastingNodes) {
    const std::vector<net::Address>& former = context_.links.formerMasters();
    targets.insert(targets.end(), former.begin(), former.end());
  }
  const net::TimePoint soon = context_.host.now + std::min(kReachableWithin, context_.config.holdTimeout);
  request.makeLegs(std::max<std::size_t>(1, targets.size()));
  for (std::size_t i = 0; i < request.legCount(); ++i) {
    Leg& leg = request.leg(i);
    leg.slot = protocol::kNoSlot;
    leg.detour = std::make_unique<Detour>(context_.host.pool);
    // While a script runs, its link is not read from: what is meant to end it takes another one.
    leg.detour->urgent = request.spec->has(protocol::kAllowBusy);
    const bool known = i < nodes.size();
    // A master that takes the place of one that runs a script does not run it.
    if (known && !plan.lastingNodes) leg.detour->anchor = anchorOf(topology, nodes[i]);
    leg.detour->dispensable = plan.lastingNodes && !(known && topology.nodes[nodes[i]].master);
    if (forgoes || leg.detour->dispensable) leg.detour->deadline = soon;
    sender_.launchTo(leg, bytes, targets.empty() ? std::nullopt : std::optional(targets[i]));
  }
}

void Dispatcher::startBatch(Request& request, Slot slot, net::ByteChain& batch) {
  request.dispatcher = this;
  if (mayGiveWay(context_, *request.client)) giveWay(context_, *request.client, slot);
  request.makeLegs(1);
  request.leg(0).slot = slot;
  sender_.launchBatch(request.leg(0), batch);
}

// Its only leg is a place for what is to come.
void Dispatcher::plan(Request& request) {
  request.dispatcher = this;
  request.makeLegs(1);
  request.leg(0).slot = protocol::kNoSlot;
  request.leg(0).state = LegState::Planned;
}

void Dispatcher::startLong(Request& request, const protocol::CommandSpec& spec,
                           const databases::Database& database, OwnedRequest owned) {
  plan(request);
  if (database.mapped()) request.database = &database;
  context_.workbench.add(request.client, makeLongSplit(context_, completion_, sender_, request, spec,
                                                       database, std::move(owned)));
}

void Dispatcher::startAssembly(Request& request, std::unique_ptr<ReplyHook> hook) {
  plan(request);
  request.hook = std::move(hook);
  completion_.finishLeg(request.leg(0), false);
}

void Dispatcher::startLate(Request& request) {
  request.dispatcher = this;
  request.makeLegs(1);
  request.leg(0).slot = protocol::kNoSlot;
  request.leg(0).state = LegState::Sent;
}

void Dispatcher::finishLate(Request& request, std::string_view reply) {
  Leg& leg = request.leg(0);
  if (request.client != nullptr && reply.starts_with('-')) return completion_.failLeg(leg, reply);
  completion_.deliver(leg, reply, true);
}

bool Dispatcher::tryHeldAtOnce(Downstream& client) {
  Request* request = client.pending().head();
  if (request == nullptr || context_.host.now - request->arrived > kTogether) return false;
  // It looks once more at most, since it sees that the client's input has ended.
  if (request->staged) return true;
  if (request->legCount() != 1 || request->leg(0).state != LegState::Held) return false;
  Leg& leg = request->leg(0);
  context_.holding.remove(client, leg);
  const databases::Database& database =
      request->database != nullptr ? *request->database : context_.databases.at(0);
  net::ByteChain batch = makeUnblocked(*request, database, leg.detour->bytes, context_.host.pool);
  leg.detour->bytes.clear();
  leg.detour->bytes.splice(batch);
  sender_.hold(leg, leg.detour->trouble);
  return true;
}

bool Dispatcher::unblockHeld(Downstream& client, bool asError) {
  Request* request = client.pending().head();
  if (request == nullptr || request->staged || request->legCount() != 1 ||
      request->leg(0).state != LegState::Held)
    return false;
  Leg& leg = request->leg(0);
  context_.holding.remove(client, leg);
  if (asError) {
    completion_.failLeg(leg, reply_texts::kUnblocked);
  } else {
    completion_.timeOut(leg);
  }
  return true;
}

}  // namespace slotless::session
