// The part of a conversation that is about transactions: MULTI to EXEC or DISCARD, and WATCH.
#include "protocol/encoder.h"
#include "proxy/dispatch/busy_watch.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/slot_guard.h"
#include "proxy/emulation/compositions.h"
#include "proxy/emulation/cross_slot_table.h"
#include "proxy/routing/router.h"
#include "proxy/session/access_check.h"
#include "proxy/session/accounts.h"
#include "proxy/session/behind_exec.h"
#include "proxy/session/client.h"
#include "proxy/session/conversation.h"
#include "proxy/session/exec_reply.h"
#include "proxy/session/exec_stages.h"
#include "proxy/session/group_replies.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/key_plan.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/refusal.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/cross_slot_counts.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::Handling;
using upstream::LeaseUse;

namespace {

// Redis's sentence; some client libraries show nothing but EXEC's error, so the cause follows it.
constexpr std::string_view kExecAborted =
    "EXECABORT Transaction discarded because of previous errors. The first: ";
constexpr std::string_view kAbortedBecause = "EXECABORT Transaction discarded because of: ";
constexpr std::string_view kOneSlot =
    "CROSSSLOT Keys in request don't hash to the same slot: "
    "use a pinned database for transactions over several slots";
constexpr std::string_view kOnePlace =
    "ERR SELECT into or out of a native database can only come before a transaction's other commands";
// Whose rights they are asked for, and the database that this user comes to first, show only then.
constexpr std::string_view kBehindLogin = "' in a transaction: that may make it another user's";
constexpr std::string_view kUnwatch = "*1\r\n$7\r\nUNWATCH\r\n";

}  // namespace

Conversation::Outcome Conversation::begin(const CommandSpec& spec, std::string_view name) {
  transaction_ = std::make_unique<Transaction>(services_.host.pool, name);
  transition(Mode::Queueing);
  return answer(spec, "+OK\r\n");
}

Conversation::Outcome Conversation::queue(Command& command) {
  const CommandSpec& spec = *command.spec;
  if (transaction_->alone()) return refuseQueued(spec, transaction_->alone()->objection);
  if (const CommandSpec* login = transaction_->login; login != nullptr && !spec.has(protocol::kNoAuth))
    return refuseQueued(spec,
                        "ERR '" + spec.name + "' cannot follow '" + login->name + std::string(kBehindLogin));
  // CLIENT CACHING is about what follows it: on the client's own lease it may stand where it is.
  if (spec.role == protocol::SessionRole::Caching && engaged()) return queueForwarded(command);
  if (spec.handling == Handling::Local || services_.localAnswers.answers(spec, command.argv)) {
    if (services_.localAnswers.followsExec(spec)) return queueLater(command, false);
    if (services_.localAnswers.isLate(spec)) {
      return refuseQueued(spec,
                          "ERR '" + spec.name + "' concerns all workers and cannot be part of a transaction");
    }
    if (spec.role == protocol::SessionRole::Select) {
      std::string objection;
      const databases::Database* chosen = databaseNamed(client_.numbering(), command.argv[1], objection);
      const auto passage = chosen == nullptr ? Client::Passage::Go : client_.mayChoose(*chosen, objection);
      if (passage == Client::Passage::Wait) return Outcome::Wait;
      if (passage == Client::Passage::Refused) return refuseQueued(spec, objection);
      // All that goes to nodes goes by the same links.
      if (chosen != nullptr && transaction_->forwarded() > 0 && chosen->ofNodes() != database().ofNodes())
        return refuseQueued(spec, kOnePlace);
      if (chosen != nullptr) transaction_->database = chosen;
    }
    if (services_.accounts.on() && logsIn(spec, command.argv)) transaction_->login = &spec;
    transaction_->queueLocal(spec, command.argv);
    return queued(spec);
  }
  if (spec.role == protocol::SessionRole::Unwatch) return queueForwarded(command);
  if (command.steps != nullptr)
    return refuseQueued(spec, "ERR '" + spec.name + "' between two places cannot be part of a transaction");
  std::string error;
  if (!mayRoute(spec, command.argv, services_.config, error)) return refuseQueued(spec, error);
  if (const auto wanted = errorAskedFor(spec, command.argv)) {
    queueError(spec, *wanted);
    return Outcome::Done;
  }
  routing::Plan& plan = services_.plan;
  if (!services_.keyLookups.plan(client_, command, plan)) return Outcome::Wait;
  if (const BehindExec* behind = findBehindExec(spec);
      behind != nullptr && (behind->composed || plan.kind == routing::Plan::Kind::EachNode))
    return queueLater(command, behind->changes);
  // Every node carries messages to all others.
  if (spec.hashedArgument > 0) {
    plan.kind = routing::Plan::Kind::AnyNode;
    transaction_->publishSlot = plan.slot;
  }
  switch (plan.kind) {
    case routing::Plan::Kind::Refused:
      // A key without its value is found when the command is run.
      if (spec.keyStep <= 1 || !plan.keyPositions.empty())
        return refuseQueued(spec,
                            plan.error == routing::kCrossSlot ? kOneSlot : std::string_view(plan.error));
      queueError(spec, plan.error);
      return Outcome::Done;
    case routing::Plan::Kind::BySlot: return queueAlone(command, kOneSlot);
    case routing::Plan::Kind::AnyNode: break;
    case routing::Plan::Kind::OneSlot:
      if (transaction_->slot != protocol::kNoSlot && transaction_->slot != plan.slot && !mayGroup()) {
        return refuseQueued(spec, kOneSlot);
      }
      if (!watch_.guardsOrLost(plan.slot)) return refuseQueued(spec, kOneSlot);
      if (transaction_->slot == protocol::kNoSlot) transaction_->slot = plan.slot;
      if (mayGroup()) transaction_->turnTo(plan.slot);
      break;
    default:
      return queueAlone(command,
                        "ERR '" + spec.name + "' concerns several nodes and cannot be part of a transaction");
  }
  return queueForwarded(command);
}

// Watched keys and the transaction have to meet on one connection.
bool Conversation::mayGroup() const {
  return !watch_.on() && client_.crossSlotTransactions.value_or(services_.config.crossSlotTransactions) ==
                             config::CrossSlotTransactions::Each;
}

// By itself it takes effect as it would outside. Within a watch it would have to be one with it.
Conversation::Outcome Conversation::queueAlone(const Command& command, std::string_view objection) {
  const CommandSpec& spec = *command.spec;
  const bool lookedUp = spec.keyProcedure == protocol::KeyProcedure::AskServer;
  if (transaction_->size() > 0 || watch_.on() || lookedUp) return refuseQueued(spec, objection);
  transaction_->writes = writes(spec, command.argv);
  transaction_->queueAlone({command.said,
                            &spec,
                            {command.argv.begin(), command.argv.end()},
                            std::string(command.bytes),
                            &command.database,
                            command.wantsWholeSlot,
                            std::string(objection)});
  return queued(*command.said);
}

// It is carried out behind what is for the transaction's node, see exec_walk.h.
Conversation::Outcome Conversation::queueLater(const Command& command, bool changes) {
  transaction_->queueLater(
      {command.spec, {command.argv.begin(), command.argv.end()}, std::string(command.bytes), changes});
  return queued(*command.said);
}

// What EXEC's reply is made of is the client's until it is there.
void Conversation::charge(Request& request, const Transaction& transaction) {
  client_.charge(request, transaction.memoryBytes());
  request.keep(transaction.memoryBytes());
}

// Nothing is for a node alone: its first stage is one that nobody has been asked for.
Conversation::Outcome Conversation::executeLater(const CommandSpec& spec,
                                                 std::unique_ptr<Transaction> transaction) {
  Request& request = client_.addRequest(spec);
  request.kind = RequestKind::Read;
  services_.dispatcher.startLate(request);
  request.staged = true;
  charge(request, *transaction);
  request.composer = std::make_unique<ExecStages>(services_, client_, std::move(transaction));
  services_.dispatcher.finishLate(request, {});
  return Outcome::Done;
}

Conversation::Outcome Conversation::executeAlone() {
  if (!client_.pending().empty()) return Outcome::Wait;
  const std::unique_ptr<Transaction> transaction = std::move(transaction_);
  transition(Mode::Plain);
  const Transaction::Alone& queued = *transaction->alone();
  const std::vector<std::string_view> argv(queued.argv.begin(), queued.argv.end());
  Command command{queued.said, queued.spec, argv, queued.bytes, *queued.database};
  command.sent = queued.bytes;
  command.wantsWholeSlot = queued.wantsWholeSlot;
  command.alone = true;
  client_.route(command);  // it waits for nothing: nothing is pending, nor are its keys to be asked for
  return Outcome::Done;
}

bool Conversation::queueError(const CommandSpec& spec, std::string_view line) {
  if (transaction_->alone()) {
    refuseQueued(spec, transaction_->alone()->objection);
  } else {
    transaction_->queueError(spec, line);
    queued(spec);
  }
  return true;
}

Conversation::Outcome Conversation::queueForwarded(Command& command) {
  const CommandSpec& spec = *command.spec;
  const protocol::Argv argv = command.argv;
  if (const CommandSpec* change = transaction_->change()) {
    return refuseQueued(spec, "ERR '" + spec.name + "' cannot follow '" + change->name +
                                  "' in a transaction: that concerns several nodes, and is carried out last");
  }
  transaction_->writes = transaction_->writes || writes(spec, argv);
  transaction_->wantsWholeSlot = transaction_->wantsWholeSlot || command.wantsWholeSlot;
  if (command.said != command.spec && command.said->wholeDatabase == protocol::WholeDatabase::Flush)
    transaction_->emptiesByKey = true;
  const bool guarded = spec.slotUnchecked && !config::servesOneServer(services_.config);
  if (guarded && services_.plan.kind == routing::Plan::Kind::OneSlot)
    transaction_->queueGuard(spec, slotGuardOf(spec, argv));
  if (spec.scriptSha > 0) transaction_->scripts.emplace_back(argv[static_cast<std::size_t>(spec.scriptSha)]);
  if (spec.hashedArgument > 0) {
    transaction_->queuePublish(spec, command.bytes, argv[static_cast<std::size_t>(spec.hashedArgument)]);
  } else {
    transaction_->queueForwarded(spec, command.bytes, command.tail, std::move(command.composer));
  }
  return queued(spec);
}

void Conversation::noteQueued(const CommandSpec& spec, std::string command) {
  if (transaction_ != nullptr)
    transaction_->noteMonitored(std::move(command), spec.has(protocol::kSkipMonitor));
}

// As Redis: who queues too much is closed.
Conversation::Outcome Conversation::queued(const CommandSpec& spec) {
  if (transaction_->memoryBytes() <= services_.config.clientQueryBufferLimit)
    return answer(spec, "+QUEUED\r\n");
  services_.metrics.limits[static_cast<std::size_t>(telemetry::Limit::QueryBuffer)].add();
  client_.close("transaction exceeds client-query-buffer-limit");
  return Outcome::Done;
}

Conversation::Outcome Conversation::execute(const CommandSpec& spec, std::string_view name) {
  upstream::LinkSet& links = client_.linksOf(database());
  const bool stages = transaction_->inGroups() || transaction_->hasLater();
  const bool waits = watch_.on() || &links != client_.upstream || (stages && !transaction_->failed());
  if (waits && !client_.pending().empty()) return Outcome::Wait;
  if (transaction_->alone() && !transaction_->failed()) return executeAlone();
  std::unique_ptr<Transaction> transaction = std::move(transaction_);
  transition(Mode::Plain);
  if (transaction->failed()) {
    const std::string line = std::string(kExecAborted) + transaction->failure();
    forgetTransaction(std::move(transaction));
    watch_.forget(false);
    return refuse(spec, line);
  }
  if (watch_.on() &&
      (watch_.broken() || (transaction->slot != protocol::kNoSlot && !watch_.guards(transaction->slot)))) {
    forgetTransaction(std::move(transaction));
    watch_.forget(false);
    std::string null;
    protocol::appendNullArrayIn(null, client_.protocol);
    return answer(spec, null);
  }
  if (transaction->forwarded() == 0 && !watch_.on() && transaction->hasLater())
    return executeLater(spec, std::move(transaction));
  if (transaction->forwarded() == 0 && !watch_.on() && transaction->isLong()) {
    Request& request = client_.addRequest(spec);
    charge(request, *transaction);
    becomeExclusive(false);
    services_.dispatcher.startAssembly(request,
                                       std::make_unique<ExecReply>(services_, std::move(transaction)));
    return Outcome::Done;
  }
  if (transaction->forwarded() == 0 && !watch_.on()) {
    std::string reply;
    const bool heard = !client_.replySwitch().off();
    transaction->assemble({}, services_.localAnswers.runnerFor(client_), {}, reply);
    // CLIENT REPLY OFF among them: nor has EXEC a reply.
    if (heard && client_.replySwitch().off()) return Outcome::Done;
    return answer(spec, reply);
  }
  client_.turnTo(links);
  if (transaction->inGroups()) {
    sendGroups(spec, name, std::move(transaction));
  } else {
    sendBatch(spec, name, std::move(transaction));
  }
  return Outcome::Done;
}

Conversation::Outcome Conversation::abort(const CommandSpec& spec, std::string_view cause) {
  if (watch_.on() && !client_.pending().empty()) return Outcome::Wait;
  if (transaction_ != nullptr) {
    forgetTransaction(std::move(transaction_));
    transition(Mode::Plain);
    watch_.forget(false);
  }
  return refuse(spec, std::string(kAbortedBecause) + std::string(cause));
}

Conversation::Outcome Conversation::refuseBusy(const CommandSpec& spec) {
  const std::string& line = services_.busy.line();
  if (spec.role == protocol::SessionRole::Exec && transaction_ != nullptr) return abort(spec, line);
  onRefused(line);
  return refuse(spec, line);
}

void Conversation::sendBatch(const CommandSpec& spec, std::string_view name,
                             std::unique_ptr<Transaction> transaction) {
  Request& request = client_.addRequest(spec);
  request.kind = transaction->readOnly() && !watch_.on() ? RequestKind::Read : RequestKind::Transaction;
  request.preludes = static_cast<std::uint32_t>(transaction->forwarded()) + 1;
  if (watch_.on()) {
    request.lease = LeaseUse::Transaction;
    watch_.endWithRequest();
    becomeExclusive(false);
  }
  for (const std::string& sha : transaction->scripts) request.wantScript(services_.control.scripts(), sha);
  request.wantsWholeSlot = transaction->wantsWholeSlot;
  request.emptiesByKey = transaction->emptiesByKey;
  const databases::Database& database =
      transaction->database != nullptr ? *transaction->database : client_.database();
  if (database.mapped()) request.database = &database;
  // The next command is for the database that EXEC leaves behind.
  if (transaction->database != nullptr) becomeExclusive(false);
  net::ByteChain batch = transaction->takeBatch(name);
  request.bytes = batch.size();
  client_.charge(request, request.bytes);
  protocol::Slot slot = transaction->slot;
  if (slot == protocol::kNoSlot && !watch_.on()) slot = transaction->publishSlot;
  if (transaction->hasLater()) {
    request.staged = true;
    charge(request, *transaction);
    request.composer = std::make_unique<ExecStages>(services_, client_, std::move(transaction));
  } else if (transaction->needsAssembly()) {
    charge(request, *transaction);
    request.hook = std::make_unique<ExecReply>(services_, std::move(transaction));
  } else {
    forgetTransaction(std::move(transaction));
  }
  services_.dispatcher.startBatch(request, slot, batch);
}

void Conversation::sendGroups(const CommandSpec& spec, std::string_view name,
                              std::unique_ptr<Transaction> transaction) {
  Request& request = client_.addRequest(spec);
  for (const std::string& sha : transaction->scripts) request.wantScript(services_.control.scripts(), sha);
  request.wantsWholeSlot = transaction->wantsWholeSlot;
  const databases::Database& database =
      transaction->database != nullptr ? *transaction->database : client_.database();
  if (database.mapped()) request.database = &database;
  request.bytes = transaction->memoryBytes();
  charge(request, *transaction);
  becomeExclusive(false);
  telemetry::CrossSlotCounts::ofProcess().add(spec.name, nameOf(CrossSlotKind::Groups));
  auto replies = std::make_unique<GroupReplies>(services_, client_, std::move(transaction), name);
  routing::Plan first;
  replies->ask(first);
  request.composer = std::move(replies);
  services_.dispatcher.startStages(request, first);
}

Conversation::Outcome Conversation::discard(const CommandSpec& spec) {
  if (watch_.on() && !client_.pending().empty()) return Outcome::Wait;
  forgetTransaction(std::move(transaction_));
  transition(Mode::Plain);
  return unwatch(spec);
}

// --- watching ---

Conversation::Outcome Conversation::addWatch(Command& command) {
  const CommandSpec& spec = *command.spec;
  if (!client_.pending().empty()) return Outcome::Wait;
  if (watch_.on() && watch_.broken()) return answer(spec, "+OK\r\n");  // EXEC will answer nil anyway
  routing::Plan& plan = services_.plan;
  planByKeys(services_, spec, command.argv, plan);
  if (plan.kind == routing::Plan::Kind::Refused)
    return refuse(spec, plan.error == routing::kCrossSlot ? kOneSlot : std::string_view(plan.error));
  if (plan.kind != routing::Plan::Kind::OneSlot) return refuse(spec, kOneSlot);
  if (!watch_.guardsOrLost(plan.slot)) return refuse(spec, kOneSlot);
  if (watch_.broken()) return answer(spec, "+OK\r\n");
  const std::size_t keys = command.argv.size() - 1;
  const std::uint64_t most = services_.config.clientMaxWatchedKeys;
  if (most > 0 && watch_.keys() + keys > most) {
    services_.metrics.limits[static_cast<std::size_t>(telemetry::Limit::WatchedKeys)].add();
    return refuse(spec, "ERR A client cannot watch more than " + std::to_string(most) +
                            " keys (client-max-watched-keys)");
  }
  watch_.add(plan.slot, keys);
  becomeExclusive(false);
  Request& added = client_.addRequest(spec);
  added.kind = RequestKind::Read;  // repeating it harms nobody
  added.lease = LeaseUse::Transaction;
  client_.start(added, command);
  return Outcome::Done;
}

Conversation::Outcome Conversation::unwatch(const CommandSpec& spec) {
  if (!watch_.on()) return answer(spec, "+OK\r\n");
  if (!client_.pending().empty()) return Outcome::Wait;
  if (watch_.lease() == nullptr || !watch_.lease()->ready()) {
    watch_.forget(false);
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
  watch_.endWithRequest();
  becomeExclusive(false);
  net::ByteChain bytes(services_.host.pool);
  bytes.append(kUnwatch);
  services_.dispatcher.startBatch(request, protocol::kNoSlot, bytes);
}

}  // namespace slotless::session
