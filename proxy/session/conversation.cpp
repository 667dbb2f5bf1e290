#include "proxy/session/conversation.h"

#include <algorithm>
#include <utility>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/session/blocking.h"
#include "proxy/session/client.h"
#include "proxy/session/dispatcher.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/local_commands.h"
#include "proxy/session/refusal.h"
#include "proxy/session/script_writes.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::Handling;
using protocol::RequestParser;
using upstream::LeaseUse;
using upstream::Link;

namespace {

constexpr std::string_view kCrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";
constexpr std::string_view kExecAborted = "EXECABORT Transaction discarded because of previous errors.";
constexpr std::string_view kUnwatch = "*1\r\n$7\r\nUNWATCH\r\n";

bool slotOn(const cluster::Topology& topology, cluster::NodeIndex node) {
  return std::find(topology.owners.begin(), topology.owners.end(), node) != topology.owners.end();
}

// A key of our own in some slot of the node. Requires that it has one.
std::string reservedKeyOn(const cluster::Topology& topology, cluster::NodeIndex node) {
  for (std::uint32_t i = 0;; ++i) {
    std::string key = "slotless:wait:" + std::to_string(i);
    if (topology.owners[protocol::slotOf(key)] == node) return key;
  }
}

std::string_view refusalText(Verdict verdict) {
  switch (verdict) {
    case Verdict::RefuseNested:
      return "ERR MULTI calls can not be nested";
    case Verdict::RefuseExec:
      return "ERR EXEC without MULTI";
    case Verdict::RefuseDiscard:
      return "ERR DISCARD without MULTI";
    case Verdict::RefuseWatch:
      return "ERR WATCH inside MULTI is not allowed";
    default:
      return "ERR Command not allowed inside a transaction";
  }
}

}  // namespace

Conversation::Outcome Conversation::handle(const CommandSpec& spec, const RequestParser& request,
                                           std::string_view bytes) {
  const bool blocks =
      spec.role == protocol::SessionRole::Blocking || protocol::hasSessionKeyword(spec, request.argv());
  const Verdict verdict = verdictFor(mode(), blocks ? protocol::SessionRole::Blocking : spec.role);
  // What SUBSCRIBE does to the session is known when it is confirmed.
  const bool unconfirmed = subscriptions_ != nullptr && subscriptions_->unconfirmed() > 0;
  if (unconfirmed && verdict != Verdict::Subscribe) return Outcome::Wait;
  // Redis counts who monitors among the replicas.
  if (monitoring() && (spec.has(protocol::kWrite) || spec.has(protocol::kReadOnly)) &&
      verdict != Verdict::RefuseSubscribed) {
    onRefused();
    return refuse(spec, "ERR Replica can't interact with the keyspace");
  }
  switch (verdict) {
    case Verdict::Run:
      return Outcome::Route;
    case Verdict::Queue:
      return queue(spec, request, bytes);
    case Verdict::Begin:
      return begin(spec);
    case Verdict::Execute:
      return execute(spec);
    case Verdict::Discard:
      return discard(spec);
    case Verdict::Watch:
      return watch(spec, request, bytes);
    case Verdict::Unwatch:
      return unwatch(spec);
    case Verdict::Block:
      return block(spec, request, bytes);
    case Verdict::WaitForReplicas:
      return waitForReplicas(spec, request.argv());
    case Verdict::Reset:
      return reset(spec);
    case Verdict::Subscribe:
      return subscribe(spec, request);
    case Verdict::Unsubscribe:
      return unsubscribe(spec, request);
    case Verdict::Monitor:
      return monitor(spec);
    case Verdict::RefuseInTransaction:
      return refuseQueued(spec, refusalText(verdict));
    case Verdict::RefuseSubscribed:
      return refuseSubscribed(spec);
    case Verdict::RefuseNested:
    case Verdict::RefuseExec:
    case Verdict::RefuseDiscard:
    case Verdict::RefuseWatch:
      return refuse(spec, refusalText(verdict));
  }
  return Outcome::Route;
}

void Conversation::onRefused() noexcept {
  if (transaction_ != nullptr) transaction_->fail();
}

Conversation::Outcome Conversation::answer(const CommandSpec& spec, std::string_view reply) {
  client_.reply(&spec, reply);
  return Outcome::Done;
}

Conversation::Outcome Conversation::refuse(const CommandSpec& spec, std::string_view line) {
  std::string error;
  protocol::appendError(error, line);
  return answer(spec, error);
}

Conversation::Outcome Conversation::refuseSubscribed(const CommandSpec& spec) {
  const std::string_view code =
      spec.role == protocol::SessionRole::Exec ? "EXECABORT Transaction discarded because of: " : "ERR ";
  return refuse(
      spec,
      std::string(code) + "Can't execute '" + spec.name +
          "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
}

Conversation::Outcome Conversation::refuseQueued(const CommandSpec& spec, std::string_view line) {
  transaction_->fail();
  return refuse(spec, line);
}

// --- transactions ---

Conversation::Outcome Conversation::begin(const CommandSpec& spec) {
  transaction_ = std::make_unique<Transaction>(services_.host.pool);
  transition(Mode::Queueing);
  return answer(spec, "+OK\r\n");
}

Conversation::Outcome Conversation::queue(const CommandSpec& spec, const RequestParser& request,
                                          std::string_view bytes) {
  const protocol::Argv argv = request.argv();
  if (spec.has(protocol::kNoMulti)) {
    return refuseQueued(spec, "ERR Command not allowed inside a transaction");
  }
  if (spec.handling == Handling::Local) {
    if (services_.localCommands.isLate(spec)) {
      return refuseQueued(spec,
                          "ERR '" + spec.name + "' concerns all workers and cannot be part of a transaction");
    }
    transaction_->queueLocal(spec, argv);
    return answer(spec, "+QUEUED\r\n");
  }
  if (spec.role == protocol::SessionRole::Unwatch) return queueForwarded(spec, request, bytes);
  std::string error;
  if (!mayRoute(spec, services_.config, error)) return refuseQueued(spec, error);
  routing::Plan& plan = services_.plan;
  if (!services_.keyLookups.plan(client_, spec, argv, plan)) return Outcome::Wait;
  // Every node carries messages to all others.
  if (spec.hashedArgument > 0) {
    plan.kind = routing::Plan::Kind::AnyNode;
    transaction_->publishSlot = plan.slot;
  }
  switch (plan.kind) {
    case routing::Plan::Kind::Refused:
      return refuseQueued(spec, plan.error);
    case routing::Plan::Kind::BySlot:
      return refuseQueued(spec, kCrossSlot);
    case routing::Plan::Kind::AnyNode:
      break;
    case routing::Plan::Kind::OneSlot:
      if (transaction_->slot != protocol::kNoSlot && transaction_->slot != plan.slot) {
        return refuseQueued(spec, kCrossSlot);
      }
      if (!guardsOrLost(plan.slot)) return refuseQueued(spec, kCrossSlot);
      transaction_->slot = plan.slot;
      break;
    default:
      return refuseQueued(
          spec, "ERR '" + spec.name + "' concerns several nodes and cannot be part of a transaction");
  }
  return queueForwarded(spec, request, bytes);
}

Conversation::Outcome Conversation::queueForwarded(const CommandSpec& spec, const RequestParser& request,
                                                   std::string_view bytes) {
  transaction_->writes = transaction_->writes || writes(spec, request.argv());
  const protocol::Argv argv = request.argv();
  if (spec.scriptText > 0)
    services_.control.scripts().remember(argv[static_cast<std::size_t>(spec.scriptText)]);
  if (request.isInline()) {
    services_.encoded.clear();
    protocol::appendRequest(services_.encoded, argv);
    bytes = services_.encoded;
  }
  if (spec.hashedArgument > 0) {
    transaction_->queuePublish(spec, bytes, argv[static_cast<std::size_t>(spec.hashedArgument)]);
  } else {
    transaction_->queueForwarded(spec, bytes);
  }
  if (transaction_->bytes() > services_.config.clientQueryBufferLimit) {
    client_.close("transaction exceeds client-query-buffer-limit");
    return Outcome::Done;
  }
  return answer(spec, "+QUEUED\r\n");
}

Conversation::Outcome Conversation::execute(const CommandSpec& spec) {
  if (watched_ && !client_.pending().empty()) return Outcome::Wait;
  std::unique_ptr<Transaction> transaction = std::move(transaction_);
  transition(Mode::Plain);
  if (transaction->failed()) {
    forgetWatch(false);
    return refuse(spec, kExecAborted);
  }
  if (watched_ && (watchBroken() || (transaction->slot != protocol::kNoSlot && !guards(transaction->slot)))) {
    forgetWatch(false);
    std::string null;
    protocol::appendNullArrayIn(null, client_.protocol);
    return answer(spec, null);
  }
  if (transaction->forwarded() == 0 && !watched_) {
    std::string reply;
    const bool heard = !client_.replySwitch().off();
    transaction->assemble({}, services_.localCommands.runnerFor(client_), {}, reply);
    // CLIENT REPLY OFF among them: nor has EXEC a reply.
    if (heard && client_.replySwitch().off()) return Outcome::Done;
    return answer(spec, reply);
  }
  sendBatch(spec, std::move(transaction));
  return Outcome::Done;
}

void Conversation::sendBatch(const CommandSpec& spec, std::unique_ptr<Transaction> transaction) {
  Request& request = client_.addRequest(spec);
  request.kind = transaction->readOnly() && !watched_ ? RequestKind::Read : RequestKind::Transaction;
  request.preludes = static_cast<std::uint32_t>(transaction->forwarded()) + 1;
  if (watched_) {
    request.lease = LeaseUse::Transaction;
    watchEnds_ = true;
    becomeExclusive(false);
  }
  net::ByteChain batch = transaction->takeBatch();
  protocol::Slot slot = transaction->slot;
  if (slot == protocol::kNoSlot && !watched_) slot = transaction->publishSlot;
  if (transaction->needsAssembly()) request.transaction = std::move(transaction);
  services_.dispatcher.startBatch(request, slot, batch);
}

Conversation::Outcome Conversation::discard(const CommandSpec& spec) {
  if (watched_ && !client_.pending().empty()) return Outcome::Wait;
  transaction_.reset();
  transition(Mode::Plain);
  return unwatch(spec);
}

// --- watching ---

Conversation::Outcome Conversation::watch(const CommandSpec& spec, const RequestParser& request,
                                          std::string_view bytes) {
  if (!client_.pending().empty()) return Outcome::Wait;
  if (watched_ && watchBroken()) return answer(spec, "+OK\r\n");  // EXEC will answer nil anyway
  routing::Plan& plan = services_.plan;
  services_.router.plan(spec, request.argv(), plan);
  if (plan.kind == routing::Plan::Kind::Refused) return refuse(spec, plan.error);
  if (plan.kind != routing::Plan::Kind::OneSlot) return refuse(spec, kCrossSlot);
  if (!guardsOrLost(plan.slot)) return refuse(spec, kCrossSlot);
  if (watchBroken_) return answer(spec, "+OK\r\n");
  if (!watched_) {
    watchVersion_ = services_.links.topology().version;
    watchSlot_ = plan.slot;
  }
  watched_ = true;
  ++watches_;
  becomeExclusive(false);
  Request& added = client_.addRequest(spec);
  added.lease = LeaseUse::Transaction;
  client_.start(added, request, bytes);
  return Outcome::Done;
}

Conversation::Outcome Conversation::unwatch(const CommandSpec& spec) {
  if (!watched_) return answer(spec, "+OK\r\n");
  if (!client_.pending().empty()) return Outcome::Wait;
  if (watchBroken() || watchLease_ == nullptr || !watchLease_->ready()) {
    forgetWatch(false);
    return answer(spec, "+OK\r\n");
  }
  sendUnwatch(spec);
  return Outcome::Done;
}

// The node forgets the watched keys; its OK is the answer, to DISCARD as well.
void Conversation::sendUnwatch(const CommandSpec& spec) {
  Request& request = client_.addRequest(spec);
  request.lease = LeaseUse::Transaction;
  request.kind = RequestKind::Read;
  watchEnds_ = true;
  becomeExclusive(false);
  net::ByteChain bytes(services_.host.pool);
  bytes.append(kUnwatch);
  services_.dispatcher.startBatch(request, protocol::kNoSlot, bytes);
}

// One node cannot guard another's keys. True without a watch.
bool Conversation::guards(protocol::Slot slot) const {
  if (watchLease_ == nullptr) return true;
  const cluster::Topology& topology = services_.links.topology();
  const cluster::NodeIndex owner = topology.owners[slot];
  return owner == cluster::kNoNode || topology.nodes[owner].address == watchLease_->node();
}

// What the watch does not guard since slots have moved is no error of the client: EXEC will answer nil.
bool Conversation::guardsOrLost(protocol::Slot slot) {
  if (guards(slot)) return true;
  // The first WATCH may have been redirected where the topology does not have the slot yet.
  if (services_.links.topology().version == watchVersion_ && guards(watchSlot_)) return false;
  breakWatch();
  return true;
}

// A lease of another protocol than the client now speaks is of no use to it.
bool Conversation::watchBroken() const noexcept {
  return watchBroken_ ||
         (watchLease_ != nullptr && (watchLease_->dead() || watchLease_->protocol() != client_.protocol));
}

void Conversation::forgetWatch(bool clean) {
  release(watchLease_, clean);
  watched_ = false;
  watches_ = 0;
  watchBroken_ = false;
  watchEnds_ = false;
}

upstream::Link* Conversation::watchLease(const net::Address& node) {
  if (watchLease_ == nullptr || watchBroken() || watchLease_->node() != node) return nullptr;
  return watchLease_;
}

// --- blocking ---

Conversation::Outcome Conversation::block(const CommandSpec& spec, const RequestParser& request,
                                          std::string_view bytes) {
  if (!client_.pending().empty()) return Outcome::Wait;
  routing::Plan& plan = services_.plan;
  if (!services_.keyLookups.plan(client_, spec, request.argv(), plan)) return Outcome::Wait;
  if (plan.kind == routing::Plan::Kind::Refused) return refuse(spec, plan.error);
  if (plan.kind == routing::Plan::Kind::BySlot) return refuse(spec, kCrossSlot);
  // Without keys it is malformed, and some node says how.
  Request& added = client_.addRequest(spec);
  if (plan.kind == routing::Plan::Kind::OneSlot) {
    becomeExclusive(true);
    added.lease = LeaseUse::Blocking;
    if (added.kind != RequestKind::Read) added.kind = RequestKind::Blocking;
    if (const auto timeout = blockTimeoutOf(spec, request.argv())) {
      added.blockedUntil = services_.host.now + *timeout;
    }
  }
  client_.start(added, request, bytes);
  return Outcome::Done;
}

// A lease to each master that the client wrote to. WAIT speaks of what its own connection wrote, so a tiny
// write goes first; it is taken back in the same transaction, and nobody sees it.
Conversation::Outcome Conversation::waitForReplicas(const CommandSpec& spec, protocol::Argv argv) {
  if (!client_.pending().empty()) return Outcome::Wait;
  const cluster::Topology& topology = services_.links.topology();
  std::vector<cluster::NodeIndex> nodes;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const cluster::Node& node = topology.nodes[i];
    const bool concerned = client_.writtenTo().empty() || client_.hasWrittenTo(node.address);
    if (node.master && concerned && slotOn(topology, static_cast<cluster::NodeIndex>(i))) {
      nodes.push_back(static_cast<cluster::NodeIndex>(i));
    }
  }
  if (nodes.empty()) return refuse(spec, "CLUSTERDOWN No master is known");
  Request& request = client_.addRequest(spec);
  request.kind = RequestKind::Blocking;
  request.lease = LeaseUse::Blocking;
  request.preludes = 4;  // MULTI, QUEUED, QUEUED, EXEC
  request.merge = routing::Merge::Minimum;
  becomeExclusive(true);
  std::vector<Dispatcher::NodeBatch> batches;
  for (const cluster::NodeIndex node : nodes) {
    const std::string key = reservedKeyOn(topology, node);
    std::string batch;
    const auto add = [&](std::initializer_list<std::string_view> words) {
      protocol::appendRequest(batch, std::vector<std::string_view>(words));
    };
    add({"MULTI"});
    add({"SET", key, ""});
    add({"DEL", key});
    add({"EXEC"});
    protocol::appendRequest(batch, argv);
    batches.push_back({topology.nodes[node].address, protocol::slotOf(key), std::move(batch)});
  }
  services_.dispatcher.startOnNodes(request, batches);
  return Outcome::Done;
}

const std::vector<Link*>& Conversation::leasesForUnblocking() noexcept {
  unblocking_ = !blockLeases_.empty();
  return blockLeases_;
}

// --- what comes unasked ---

Mode Conversation::mode() const noexcept {
  if (mode_ != Mode::Plain) return mode_;
  // HELLO may change the protocol of a client that is subscribed.
  if (client_.protocol == 2 && subscribed()) return Mode::Subscribed;
  return monitoring() ? Mode::Monitoring : Mode::Plain;
}

Conversation::Outcome Conversation::subscribe(const CommandSpec& spec, const RequestParser& request) {
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<Subscriptions>(client_, services_);
  if (client_.pending().size() > subscriptions_->unconfirmed()) return Outcome::Wait;
  subscriptions_->subscribe(spec, request.argv());
  return Outcome::Done;
}

Conversation::Outcome Conversation::unsubscribe(const CommandSpec& spec, const RequestParser& request) {
  if (!client_.pending().empty()) return Outcome::Wait;
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<Subscriptions>(client_, services_);
  subscriptions_->unsubscribe(spec, request.argv());
  return Outcome::Done;
}

Conversation::Outcome Conversation::monitor(const CommandSpec& spec) {
  if (monitoring()) return Outcome::Done;  // as Redis: no reply
  if (!client_.pending().empty()) return Outcome::Wait;
  becomeExclusive(false);
  monitoring_.reset();
  monitoring_ = std::make_unique<Monitoring>(client_, services_, spec);
  return Outcome::Done;
}

// --- all ---

bool Conversation::writes(const CommandSpec& spec, protocol::Argv argv) const {
  if (spec.role == protocol::SessionRole::Exec) return transaction_ != nullptr && transaction_->writes;
  return mayReplicate(spec, argv, services_.control.scripts());
}

Conversation::Outcome Conversation::reset(const CommandSpec& spec) {
  if (!client_.pending().empty()) return Outcome::Wait;
  end();
  client_.resetSession();
  return answer(spec, "+RESET\r\n");
}

void Conversation::becomeExclusive(bool blocks) {
  exclusive_ = true;
  if (!blocks) return;
  blocked_ = true;
  services_.metrics.blockedClients.add(1);
}

void Conversation::settle() {
  if (!exclusive_) return;
  exclusive_ = false;
  if (blocked_) {
    blocked_ = false;
    services_.metrics.blockedClients.add(-1);
    releaseBlockLeases(!std::exchange(unblocking_, false));
  }
  if (watchEnds_) forgetWatch(!watchBroken());
}

void Conversation::end() {
  if (blocked_) services_.metrics.blockedClients.add(-1);
  blocked_ = false;
  exclusive_ = false;
  releaseBlockLeases(false);
  unblocking_ = false;
  forgetWatch(false);
  transaction_.reset();
  subscriptions_.reset();
  monitoring_.reset();
  transition(Mode::Plain);
}

void Conversation::release(Link*& lease, bool clean) {
  if (lease == nullptr) return;
  services_.leases.release(*lease, clean);
  lease = nullptr;
}

void Conversation::releaseBlockLeases(bool clean) {
  for (Link* lease : blockLeases_) services_.leases.release(*lease, clean);
  blockLeases_.clear();
}

Link* Conversation::blockLeaseAt(const net::Address& node) {
  for (auto lease = blockLeases_.begin(); lease != blockLeases_.end(); ++lease) {
    if ((*lease)->node() != node) continue;
    if (!(*lease)->dead()) return *lease;
    services_.leases.release(**lease, false);
    blockLeases_.erase(lease);
    break;
  }
  // What is sent on to another node needs its lease at the first one no more; only WAIT asks several.
  if (client_.pending().head()->spec->role != protocol::SessionRole::Wait) releaseBlockLeases(true);
  Link* lease = services_.leases.acquire(node, client_.protocol, LeaseUse::Blocking);
  if (lease != nullptr) blockLeases_.push_back(lease);
  return lease;
}

Link* Conversation::leaseAt(const net::Address& node, LeaseUse use) {
  if (use == LeaseUse::Blocking) return blockLeaseAt(node);
  // What is watched stays on the lease that watches it.
  if (!firstWatch() && watchLease_ != nullptr && watchLease_->node() != node) breakWatch();
  if (watchBroken()) return nullptr;
  if (watchLease_ != nullptr && watchLease_->node() != node) release(watchLease_, false);
  if (watchLease_ == nullptr) watchLease_ = services_.leases.acquire(node, client_.protocol, use);
  return watchLease_;
}

}  // namespace slotless::session
