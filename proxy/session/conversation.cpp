#include "proxy/session/conversation.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "protocol/key_scheme.h"
#include "proxy/routing/router.h"
#include "proxy/session/blocking.h"
#include "proxy/session/client.h"
#include "proxy/session/dispatcher.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/local_commands.h"
#include "proxy/session/refusal.h"
#include "proxy/session/script_writes.h"
#include "proxy/session/slot_guard.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::Handling;
using upstream::LeaseUse;
using upstream::Link;

namespace {

bool slotOn(const cluster::Topology& topology, cluster::NodeIndex node) {
  return std::find(topology.owners.begin(), topology.owners.end(), node) != topology.owners.end();
}

// A key of our own in some slot of the node: clients cannot have one of a reserved name, and where names are
// not reserved (one database) this one is nobody's. Requires that the node has a slot.
std::string reservedKeyOn(const cluster::Topology& topology, cluster::NodeIndex node) {
  for (std::uint32_t i = 0;; ++i) {
    std::string key = protocol::routingKey("slotless-wait-" + std::to_string(i));
    if (topology.owners[protocol::slotOf(key)] == node) return key;
  }
}

// The last argument is the timeout in milliseconds; 0, or nonsense, which a node words: none.
WaitTerms termsOf(protocol::Argv argv, net::TimePoint now) {
  WaitTerms terms;
  const std::size_t numbers = argv.size() - 2;
  if (numbers > 1) terms.nobody = "*" + std::to_string(numbers) + "\r\n";
  for (std::size_t i = 0; i < numbers; ++i) terms.nobody += ":0\r\n";
  std::uint32_t timeout = 0;
  const std::string_view text = argv.back();
  std::from_chars(text.data(), text.data() + text.size(), timeout);
  if (timeout > 0) terms.until = now + net::Millis(timeout);
  return terms;
}

std::string_view refusalText(Verdict verdict) {
  switch (verdict) {
    case Verdict::RefuseNested: return "ERR MULTI calls can not be nested";
    case Verdict::RefuseExec: return "ERR EXEC without MULTI";
    case Verdict::RefuseDiscard: return "ERR DISCARD without MULTI";
    case Verdict::RefuseWatch: return "ERR WATCH inside MULTI is not allowed";
    default: return "ERR Command not allowed inside a transaction";
  }
}

}  // namespace

Conversation::Conversation(Client& client, Services& services)
    : client_(client),
      services_(services),
      leaseSource_(client, services),
      watch_(client, services, leaseSource_),
      blockLeases_(leaseSource_) {}

Conversation::Outcome Conversation::handle(Command& command) {
  const CommandSpec& spec = *command.spec;
  const bool blocks =
      spec.role == protocol::SessionRole::Blocking || protocol::hasSessionKeyword(spec, command.argv);
  const Verdict verdict = verdictFor(mode(), blocks ? protocol::SessionRole::Blocking : spec.role);
  // What SUBSCRIBE does to the session is known when it is confirmed.
  const bool unconfirmed = subscriptions_ != nullptr && subscriptions_->unconfirmed() > 0;
  if (unconfirmed && verdict != Verdict::Subscribe) return Outcome::Wait;
  // Redis counts who monitors among the replicas.
  if (monitoring() && (spec.has(protocol::kWrite) || spec.has(protocol::kReadOnly)) &&
      verdict != Verdict::RefuseSubscribed) {
    constexpr std::string_view kReplica = "ERR Replica can't interact with the keyspace";
    onRefused(kReplica);
    return refuse(spec, kReplica);
  }
  if (mode_ == Mode::Queueing && spec.has(protocol::kNoMulti)) return refuseForbidden(spec);
  switch (verdict) {
    case Verdict::Run: return Outcome::Route;
    case Verdict::Queue: return queue(command);
    case Verdict::Begin: return begin(spec, command.argv[0]);
    case Verdict::Execute: return execute(spec, command.argv[0]);
    case Verdict::Discard: return discard(spec);
    case Verdict::Watch: return addWatch(command);
    case Verdict::Unwatch: return unwatch(spec);
    case Verdict::Block: return block(command);
    case Verdict::WaitForReplicas: return waitForReplicas(spec, command.argv);
    case Verdict::Track: return track(spec, command.argv);
    case Verdict::Reset: return reset(spec);
    case Verdict::Subscribe: return subscribe(command);
    case Verdict::Unsubscribe: return unsubscribe(command);
    case Verdict::Monitor: return monitor(spec);
    case Verdict::RefuseInTransaction: return refuseQueued(spec, refusalText(verdict));
    case Verdict::RefuseSubscribed: return refuseSubscribed(spec);
    case Verdict::RefuseNested:
    case Verdict::RefuseExec:
    case Verdict::RefuseDiscard:
    case Verdict::RefuseWatch: return refuse(spec, refusalText(verdict));
  }
  return Outcome::Route;
}

const databases::Database& Conversation::database() const noexcept {
  return transaction_ != nullptr && transaction_->database != nullptr ? *transaction_->database
                                                                      : client_.database();
}

bool Conversation::takesWhenWoken() const noexcept {
  const Request* first = client_.pending().head();
  return blocked_ && first != nullptr && !first->wait;
}

bool Conversation::waitsWithoutEnd() const noexcept {
  const Request* first = client_.pending().head();
  return blocked_ && first != nullptr && first->wait && !first->wait->until;
}

void Conversation::onRefused(std::string_view line) {
  if (transaction_ != nullptr) transaction_->fail(line);
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

// What servers refuse before they look at it.
Conversation::Outcome Conversation::refuseForbidden(const CommandSpec& spec) {
  const std::string which = services_.manners.namesForbiddenCommand ? " '" + spec.name + "'" : "";
  return refuseQueued(spec, "ERR Command" + which + " not allowed inside a transaction");
}

Conversation::Outcome Conversation::refuseQueued(const CommandSpec& spec, std::string_view line) {
  transaction_->fail(line);
  return refuse(spec, line);
}

// --- blocking ---

Conversation::Outcome Conversation::block(Command& command) {
  const CommandSpec& spec = *command.spec;
  if (!client_.pending().empty()) return Outcome::Wait;
  routing::Plan& plan = services_.plan;
  if (!services_.keyLookups.plan(client_, command, plan)) return Outcome::Wait;
  if (plan.kind == routing::Plan::Kind::Refused) return refuse(spec, plan.error);
  if (plan.kind == routing::Plan::Kind::BySlot) return refuse(spec, routing::kCrossSlot);
  // Without keys it is malformed, and some node says how.
  Request& added = client_.addRequest(spec);
  if (plan.kind == routing::Plan::Kind::OneSlot && client_.inputEnded()) {
    // One Redis would see what there is, and then that the client may have left.
    net::ByteChain bytes(services_.host.pool);
    bytes.append(command.bytes);
    bytes.append(command.tail);
    added.composer = std::move(command.composer);
    net::ByteChain batch = makeUnblocked(added, command.database, bytes, services_.host.pool);
    added.bytes = batch.size();
    if (command.database.mapped()) added.database = &command.database;
    services_.dispatcher.startBatch(added, plan.slot, batch);
    return Outcome::Done;
  }
  if (plan.kind == routing::Plan::Kind::OneSlot) {
    becomeExclusive(true);
    added.lease = LeaseUse::Blocking;
    if (added.kind != RequestKind::Read) added.kind = RequestKind::Blocking;
    if (const auto timeout = blockTimeoutOf(spec, command.argv)) {
      added.blockedUntil = services_.host.now + *timeout;
    }
  }
  client_.start(added, command);
  return Outcome::Done;
}

// A lease to each master that the client wrote to. WAIT speaks of what its own connection wrote, so a tiny
// write goes first; it is taken back in the same transaction, and nobody sees it.
Conversation::Outcome Conversation::waitForReplicas(const CommandSpec& spec, protocol::Argv argv) {
  if (!client_.pending().empty()) return Outcome::Wait;
  const cluster::Topology& topology = services_.links.topology();
  WaitTerms terms = termsOf(argv, services_.host.now);
  // Of what a master had acknowledged before another node took its place nobody can tell who has it: told
  // once. It may go by the name of a master for a while, without slots, or be one again.
  const auto isOpen = [&](const Client::Written& each) {
    return !topology.ownsSlots(each.node) || services_.slotLosses.lostAfter(each.since, each.node);
  };
  if (client_.forgetWrites(isOpen)) return answer(spec, terms.nobody);
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
    protocol::appendRequest(batch, {{"MULTI"}});
    protocol::appendRequest(batch, {{"SET", key, ""}});
    protocol::appendRequest(batch, {{"DEL", key}});
    protocol::appendRequest(batch, {{"EXEC"}});
    protocol::appendRequest(batch, argv);
    batches.push_back({topology.nodes[node].address, protocol::slotOf(key), std::move(batch)});
  }
  request.wait = std::move(terms);
  services_.dispatcher.startOnNodes(request, batches);
  return Outcome::Done;
}

// --- what comes unasked ---

Mode Conversation::mode() const noexcept {
  if (mode_ != Mode::Plain) return mode_;
  // HELLO may change the protocol of a client that is subscribed.
  if (client_.protocol == 2 && subscribed()) return Mode::Subscribed;
  return monitoring() ? Mode::Monitoring : Mode::Plain;
}

Conversation::Outcome Conversation::subscribe(const Command& command) {
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<Subscriptions>(client_, services_);
  if (client_.pending().size() > subscriptions_->unconfirmed()) return Outcome::Wait;
  if (subscriptions_->refuses(*command.spec, command.argv)) return Outcome::Done;
  if (command.argv.size() <= Subscriptions::kMostAtOnce) {
    subscriptions_->subscribe(*command.spec, command.argv);
  } else {
    client_.holdInput();
    subscriptions_->subscribeLong(*command.spec, client_.own(command));
  }
  return Outcome::Done;
}

Conversation::Outcome Conversation::unsubscribe(const Command& command) {
  if (!client_.pending().empty()) return Outcome::Wait;
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<Subscriptions>(client_, services_);
  if (!subscriptions_->endsMany(*command.spec, command.argv)) {
    subscriptions_->unsubscribe(*command.spec, command.argv);
  } else {
    client_.holdInput();
    subscriptions_->unsubscribeLong(*command.spec, client_.own(command));
  }
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

// --- tracking ---

Conversation::Outcome Conversation::track(const CommandSpec& spec, protocol::Argv argv) {
  if (!client_.pending().empty()) return Outcome::Wait;
  std::string error;
  auto options = parseTracking(argv, error);
  if (!options) return refuse(spec, error);
  options->keyPrefix = client_.database().prefix;
  Request& request = client_.addRequest(spec);
  services_.dispatcher.startLate(request);
  becomeExclusive(false);
  if (!options->redirect) {
    switchTracking(request, *options, {});
    return Outcome::Done;
  }
  const auto id = static_cast<std::uint64_t>(*options->redirect);
  if (hasClient(services_, id)) {
    switchTracking(request, *options, RedirectTarget{id, std::nullopt});
    return Outcome::Done;
  }
  findTarget(services_, id, [this, &request, options = *options](const auto& target) {
    if (request.client == nullptr) {
      services_.dispatcher.finishLate(request, {});
    } else if (target) {
      switchTracking(request, options, *target);
    } else {
      refuseLate(request, "ERR The client ID you want redirect to does not exist");
    }
  });
  return Outcome::Done;
}

void Conversation::switchTracking(Request& request, const TrackingOptions& options,
                                  const RedirectTarget& target) {
  const bool on = options.on;
  if (tracking_ == nullptr && on) tracking_ = std::make_unique<Tracking>(client_, services_);
  if (on) {
    if (const auto objection = tracking_->mode().objectionTo(options)) return refuseLate(request, *objection);
  } else if (tracking_ != nullptr) {
    tracking_->turnOff();
  }
  const bool seen = on && (client_.protocol >= 3 || options.redirect);
  if (on && !seen) tracking_->turnOnUnseen(options);
  if (!seen) return services_.dispatcher.finishLate(request, "+OK\r\n");
  // Its other leases would not remember what is read: EXEC answers nil.
  if (watch_.on() && !engaged()) watch_.lose();
  tracking_->turnOn(request, options, target);
}

void Conversation::refuseLate(Request& request, std::string_view line) {
  std::string error;
  protocol::appendError(error, line);
  services_.dispatcher.finishLate(request, error);
}

// As in Redis: other CLIENT commands in between do not count.
bool Conversation::isCachingEndedBy(protocol::Argv argv) const noexcept {
  return tracking_->cachingGiven() && !protocol::equalsIgnoringCase(argv[0], "client");
}

// --- all ---

std::size_t Conversation::memoryBytes() const noexcept {
  return (transaction_ == nullptr ? 0 : transaction_->bytes()) +
         (subscriptions_ == nullptr ? 0 : subscriptions_->memoryBytes()) +
         (tracking_ == nullptr ? 0 : tracking_->memoryBytes());
}

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

void Conversation::takeBeside(Request& request) {
  request.besideWatch = true;
  becomeExclusive(false);
}

void Conversation::settle() {
  if (!exclusive_) return;
  exclusive_ = false;
  if (blocked_) {
    blocked_ = false;
    services_.metrics.blockedClients.add(-1);
    blockLeases_.settle();
  }
  watch_.settle();
}

void Conversation::end() {
  if (blocked_) services_.metrics.blockedClients.add(-1);
  blocked_ = false;
  exclusive_ = false;
  blockLeases_.release(false);
  watch_.forget(false);
  forgetTransaction(std::move(transaction_));
  if (subscriptions_ != nullptr && subscriptions_->isLong()) {
    subscriptions_->orphan();
    services_.workbench.discard(std::move(subscriptions_));
  }
  subscriptions_.reset();
  monitoring_.reset();
  tracking_.reset();
  transition(Mode::Plain);
}

bool Conversation::dropLostLease(const net::Address& node, LeaseUse use) {
  return use == LeaseUse::Transaction ? watch_.dropLostLease() : blockLeases_.dropLost(node);
}

void Conversation::forgetTransaction(std::unique_ptr<Transaction> transaction) {
  if (transaction != nullptr && transaction->isLong()) services_.workbench.discard(std::move(transaction));
}

Link* Conversation::leaseAt(const net::Address& node, LeaseUse use) {
  if (use == LeaseUse::Transaction) return watch_.leaseAt(node);
  // What is sent on to another node needs its lease at the first one no more; only WAIT asks several.
  const bool only = client_.pending().head()->spec->role != protocol::SessionRole::Wait;
  return blockLeases_.at(node, only);
}

}  // namespace slotless::session
