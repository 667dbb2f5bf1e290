// The part of a client that takes up requests: what one is, whether it may go on, and where to.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "config/upstream.h"
#include "protocol/encoder.h"
#include "proxy/databases/reserved_keys.h"
#include "proxy/dispatch/busy_watch.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/request.h"
#include "proxy/dispatch/slot_guard.h"
#include "proxy/dispatch/slow_request.h"
#include "proxy/emulation/compositions.h"
#include "proxy/emulation/whole_database_plans.h"
#include "proxy/routing/alone_composer.h"
#include "proxy/routing/one_server.h"
#include "proxy/session/access_check.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/console_table.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/key_sampling.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/monitor_tap.h"
#include "proxy/session/node_databases.h"
#include "proxy/session/node_permits.h"
#include "proxy/session/node_users.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/refusal.h"
#include "proxy/session/splitting.h"
#include "proxy/session/trace_sampling.h"
#include "proxy/telemetry/cross_slot_counts.h"
#include "proxy/telemetry/hot_keys.h"
#include "proxy/translation/group_refusal.h"
#include "proxy/translation/script_translation.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::Handling;
using protocol::RequestParser;

namespace {

// Nodes get something else, or each of them a part.
bool differs(const Command& command, const routing::Plan& plan) {
  const bool whole = plan.kind == routing::Plan::Kind::OneSlot || plan.kind == routing::Plan::Kind::AnyNode;
  return !whole || command.wantsWholeSlot || plan.composer != nullptr ||
         (runsScript(*command.spec) && command.bytes.data() != command.sent.data());
}

// What only changes the session may come before it is known whether the database may be used.
bool mayUseKeys(const CommandSpec& spec) {
  using enum protocol::SessionRole;
  return spec.handling != Handling::Local &&
         (spec.role == None || spec.role == Blocking || spec.role == Watch);
}

void countCrossSlot(const CommandSpec& spec, CrossSlotKind way) {
  telemetry::CrossSlotCounts::ofProcess().add(spec.name, nameOf(way));
}

// What the translation has made of it.
void countSteps(const Command& command) {
  using protocol::Transfer;
  const Transfer transfer = command.spec->transfer;
  if (command.spec->namesKeysByPattern) countCrossSlot(*command.said, CrossSlotKind::Sorted);
  if (transfer == Transfer::Copy) countCrossSlot(*command.said, CrossSlotKind::Copied);
  if (transfer == Transfer::Rename || transfer == Transfer::RenameIfAbsent)
    countCrossSlot(*command.said, CrossSlotKind::Renamed);
}

// As the only command of a transaction.
void makeAlone(Command& command, routing::Plan& plan) {
  std::unique_ptr<routing::Composer> inner =
      command.composer != nullptr ? std::move(command.composer) : std::move(plan.composer);
  plan.composer = std::make_unique<routing::AloneComposer>(std::move(inner), plan.merge);
}

}  // namespace

bool Client::takeUp(const RequestParser& request, std::string_view bytes, bool whole) {
  const bool endsCaching = whole && conversation_.endsCaching(request.argv());
  if (whole && !handle(request, bytes)) return false;
  atHand = {};
  replySwitch_.next();
  conversation_.takenUp(endsCaching);
  return true;
}

bool Client::handle(const RequestParser& request, std::string_view bytes) {
  const protocol::Argv argv = request.argv();
  const CommandSpec* container = nullptr;
  const CommandSpec* spec = services_.memo.find(*services_.commands, argv, &container);
  if (spec == nullptr && container == nullptr) {
    if (isCrossProtocol(argv[0])) {
      closeCrossProtocol();
      return true;
    }
    spec = findConsoleCommand(argv, &container);
  }
  if (isShort(spec, request, bytes) && (!questioned_ || mayShort(*spec, argv)))
    return takeShort(*spec, argv, bytes);
  const bool taken = handleAll(spec, container, request, bytes);
  // It may have been answered already.
  if (taken && questioned_ && pending().empty()) onSettled();
  return taken;
}

bool Client::handleAll(const CommandSpec* spec, const CommandSpec* container, const RequestParser& request,
                       std::string_view bytes) {
  protocol::Argv argv = request.argv();
  std::string& text = services_.encoded;
  bool isInline = request.isInline();
  if (questioned_) {
    Asked asked{spec, container, argv, bytes, isInline};
    const Passage passage = question(asked, text);
    if (passage == Passage::Wait) return false;
    if (passage == Passage::Refused) return refuseRequest(asked.spec, text);
    spec = asked.spec;
    container = asked.container;
    argv = asked.argv;
    bytes = asked.bytes;
    isInline = asked.isInline;
  }
  if (!checkCommand(spec, container, argv, text)) {
    if (spec != nullptr && spec->role == protocol::SessionRole::Exec)
      return conversation_.abort(*spec, std::string_view(text).substr(4)) == Conversation::Outcome::Done;
    conversation_.onRefused(text);
    refuse(spec, text);
    return true;
  }
  if (!loggedIn() && !spec->has(protocol::kNoAuth)) {
    if (services_.nodeUsers.on() && services_.nodeUsers.awaitsGreeting(*this)) return false;
    conversation_.onRefused(kNoAuth);
    refuse(spec, kNoAuth);
    return true;
  }
  if (!checkUser(*spec, argv, text)) return false;
  if (!text.empty()) return refuseRequest(spec, text);
  // Where nobody has to log in there is nothing to guess.
  if (services_.loginRequired && logsIn(*spec) && services_.loginDelays.holds(*this)) return false;
  if (services_.busy.refuses(*spec)) return conversation_.refuseBusy(*spec) == Conversation::Outcome::Done;
  if (services_.gate.holds(*this, *spec, argv)) return false;
  lastCommand_ = spec->id;
  // A barrier waits for what is before it, so it is the first of what is pending; and it is waited for, lest
  // a later write overtakes a part of it that has to be repeated.
  if (isBehindBarrier() || (atHand.awaitsPending && !pending().empty())) return false;
  // It is in another database from now on, and what is before it went by the links of the one before.
  if (strays_) {
    if (!pending().empty()) return awaitPending();
    turnTo(linksOf(*database_));
  }
  std::optional<KeySight> sampled;
  bool chosen = false;
  if (telemetry::HotKeys::isNext()) [[unlikely]] {
    sampled = sightOf(services_, conversation_.database(), *spec, argv, bytes.size(), conversation_.plain());
    chosen = traceParent_ == nullptr && isTraceNext(services_.config, samplingStep(services_.config));
  }
  if (chosen || traceParent_ != nullptr) [[unlikely]]
    beginTraceAtHand(*spec, chosen);
  if (services_.tap.on()) {
    MonitorTap::Sight sight = services_.tap.look(*this, *spec, argv);
    if (!take(*spec, argv, bytes, isInline)) return leaveAtHand();
    if (sight.shown) services_.tap.onTaken(*this, *spec, std::move(sight));
  } else if (!take(*spec, argv, bytes, isInline)) {
    return leaveAtHand();
  }
  if (sampled) sampleKey(services_, *sampled);
  if (services_.traceAtHand != nullptr) [[unlikely]]
    endTraceAtHand();
  countCommand();
  return true;
}

bool Client::checkUser(const CommandSpec& spec, protocol::Argv argv, std::string& line) {
  line.clear();
  if (restricted_ && !isForbidden(*this, services_, spec, argv, line)) line.clear();
  if (nodeUser_ == nullptr) return true;
  const NodePermits::Verdict verdict = services_.nodePermits.permits(*this, spec, argv, line);
  if (verdict == NodePermits::Verdict::No) return true;
  line.clear();
  return verdict == NodePermits::Verdict::Yes;
}

bool Client::take(const CommandSpec& wanted, protocol::Argv argv, std::string_view bytes, bool isInline) {
  const CommandSpec* const spec = &wanted;
  std::string& text = services_.encoded;
  services_.denialsAtHand = &upstream->denials();
  if (const databases::Database& chosen = conversation_.database();
      chosen.native() && mayUseKeys(*spec) && !services_.nodeDatabases->isOpen(chosen)) {
    const Passage passage = enterNodeDatabase(chosen, text);
    if (passage == Passage::Wait) return false;
    if (passage == Passage::Refused) {
      conversation_.onRefused(text);
      refuse(spec, text);
      return true;
    }
  }
  // From here on it is only known as nodes may get it.
  if (isInline) {
    services_.canonical.write(argv);
    argv = services_.canonical.argv();
    bytes = services_.canonical.bytes();
  }
  Command command{spec, spec, argv, bytes, conversation_.database(), bytes, bytes};
  if (!atHand.seen) {
    atHand.seen = true;
    if (telemetry::Counter* counter = services_.metrics.databaseRequests(command.database.index))
      counter->add();
  }
  const bool queueing = conversation_.mode() == Mode::Queueing;
  const bool inPieces =
      !config::servesOneServer(services_.config) && splitsInPieces(command, conversation_.mode());
  if (!inPieces && needsTranslation(services_, command) &&
      !translate(services_, *numbering_, protocol, queueing, command, text)) {
    if (queueing && command.wrongWhenRun) return conversation_.queueError(*spec, text);
    conversation_.onRefused(text);
    refuse(spec, text);
    return true;
  }
  const Conversation::Outcome outcome = conversation_.handle(command);
  if (outcome != Conversation::Outcome::Route) return outcome == Conversation::Outcome::Done;
  if (inPieces) return splitInPieces(command);
  if (spec->barrier && !pending().empty()) return awaitPending();
  if (services_.localAnswers.answers(*spec, argv)) {
    if (!mayAnswer(*spec, services_.config, text)) {
      refuse(spec, text);
      return true;
    }
    return services_.localAnswers.run(*this, *spec, argv) || (!pending().empty() && awaitPending());
  }
  if (!mayRoute(*spec, argv, services_.config, text)) {
    refuse(spec, text);
    return true;
  }
  return route(command);
}

bool Client::route(Command& command) {
  const CommandSpec& spec = *command.spec;
  const protocol::Argv argv = command.argv;
  routing::Plan& plan = services_.plan;
  plan.protocol = protocol;
  services_.asker = this;
  if (command.steps != nullptr) {
    plan = std::move(*command.steps);
    countSteps(command);
  } else if (planWholeDatabase(services_, spec, argv, command.database, plan) ||
             (isComposed(spec) && (planComposition(services_, spec, argv, plan) ||
                                   services_.localAnswers.plan(spec, argv, plan)))) {
    // the plan is made
  } else if (!services_.keyLookups.plan(*this, command, plan)) {
    return false;
  }
  if (plan.kind == routing::Plan::Kind::Refused && plan.error == routing::kCrossSlot)
    if (const auto way = planCrossSlot(services_, spec, argv, command.composer, plan))
      countCrossSlot(*command.said, *way);
  if (command.alone) makeAlone(command, plan);
  if (plan.kind == routing::Plan::Kind::Refused) {
    nameGroups(command, plan);
    std::string error;
    if (command.alone) protocol::appendArrayHeader(error, 1);
    protocol::appendError(error, plan.error);
    reply(command.said, error);
    return true;
  }
  if (plan.kind == routing::Plan::Kind::Nobody) {
    std::string& composed = services_.encoded;
    composed.clear();
    plan.composer->compose({}, composed);
    reply(command.said, composed);
    return true;
  }
  if (plan.staged && !pending().empty()) return awaitPending();
  if (services_.config.strictOrder) {
    const upstream::Link* link =
        plan.kind == routing::Plan::Kind::OneSlot ? links().linkFor(plan.slot) : nullptr;
    if (!pending().empty() && (link == nullptr || link != lastLink_)) return awaitPending();
    lastLink_ = link;
  }
  const bool guarded = spec.slotUnchecked && plan.kind == routing::Plan::Kind::OneSlot &&
                       !config::servesOneServer(services_.config);
  if (guarded && conversation_.watch().on() && !pending().empty()) return awaitPending();
  Request& added = addRequest(*command.said);
  if (guarded) {
    startGuarded(added, command);
    return true;
  }
  added.kind = plan.reads ? RequestKind::Read : kindOf(spec);
  added.fromMasters = plan.fromMasters;
  // A stage may be a transaction of the proxy's own, whose EXEC would end the watch as well.
  if (plan.staged && conversation_.watch().on()) conversation_.takeBeside(added);
  start(added, command);
  return true;
}

// Its EXEC would end a watch on the same connection: then it goes beside it, and the next command waits for
// it. A key that is watched has changed all the same.
void Client::startGuarded(Request& request, Command& command) {
  net::ByteChain batch =
      guardedBatch(*command.spec, command.argv, command.bytes, command.tail, services_.host.pool);
  request.kind = RequestKind::Transaction;
  request.preludes = kGuardedPreludes;
  request.composer = guardedReply(command.database, std::move(command.composer));
  if (command.database.mapped()) request.database = &command.database;
  request.wantsWholeSlot = command.wantsWholeSlot;
  if (conversation_.watch().on()) conversation_.takeBeside(request);
  request.bytes = batch.size();
  charge(request, request.bytes);
  services_.dispatcher.startBatch(request, services_.plan.slot, batch);
}

// Until then it need not be looked at again: to translate it each time that a reply comes would cost more
// than the requests before it.
bool Client::awaitPending() noexcept {
  atHand.awaitsPending = true;
  return false;
}

// True: it has been taken up.
bool Client::splitInPieces(const Command& command) {
  std::string& text = services_.encoded;
  if (!mayRoute(*command.spec, command.argv, services_.config, text)) {
    refuse(command.spec, text);
    return true;
  }
  if (services_.config.strictOrder && !pending().empty()) return awaitPending();
  lastLink_ = nullptr;
  Request& request = addRequest(*command.said);
  holdInput();
  OwnedRequest owned = own(command);
  request.bytes = owned.bytes();
  request.said = rememberSaid(services_, command.sent);
  services_.dispatcher.startLong(request, *command.spec, command.database, std::move(owned));
  return true;
}

Client::Passage Client::enterNodeDatabase(const databases::Database& database, std::string& line) {
  switch (services_.nodeDatabases->judge(*this, database, line)) {
    case NodeDatabases::Standing::Open: return Passage::Go;
    case NodeDatabases::Standing::Unknown: return Passage::Wait;
    case NodeDatabases::Standing::Refused: break;
  }
  return Passage::Refused;
}

bool Client::isBehindBarrier() const noexcept {
  const Request* first = pending().head();
  return first != nullptr && (first->staged || (first->spec != nullptr && first->spec->barrier));
}

// A plain command of a client in no special state: all that handle() looks at besides has been answered by
// its spec or is false here.
bool Client::isShort(const CommandSpec* spec, const RequestParser& request,
                     std::string_view bytes) const noexcept {
  return spec != nullptr && spec->plain && conversation_.plain() && bytes.size() < kHandOverBytes &&
         !request.isInline() && spec->arityFits(request.argv().size()) && loggedIn() && !services_.tap.on() &&
         !services_.busy.any() && services_.gate.isOpen() && !services_.config.strictOrder && !strays_ &&
         (!database_->native() || services_.nodeDatabases->isOpen(*database_));
}

bool Client::takeShort(const CommandSpec& spec, protocol::Argv argv, std::string_view bytes) {
  const std::string_view key = argv[static_cast<std::size_t>(spec.singleKey)];
  lastCommand_ = spec.id;
  if (isBehindBarrier()) return false;
  if (telemetry::Counter* counter = services_.metrics.databaseRequests(database_->index)) counter->add();
  const bool mapped = database_->mapped();
  const std::string_view objection = databases::keyObjection(services_.databases, *database_, key);
  if (!objection.empty()) {
    refuse(&spec, objection);
    if (pending().empty()) onSettled();
    return true;
  }
  const bool oneServer = config::servesOneServer(services_.config);
  const protocol::Slot slot = oneServer ? routing::kSlotOfAll : database_->slotOf(key);
  if (mapped) bytes = services_.mapper.mapKey(key, slot, bytes, *database_);
  countCommand();
  Request& added = pushRequest(spec, spec.retryAfterLoss ? RequestKind::Read : RequestKind::Write);
  if (telemetry::HotKeys::isNext()) [[unlikely]] {
    samplePlain(services_, *database_, spec, argv, slot, bytes.size());
    traceShort(added, samplingStep(services_.config));
  }
  added.bytes = bytes.size();
  charge(added, bytes.size());
  if (mapped) added.database = database_;
  services_.dispatcher.startShort(added, slot, bytes);
  return true;
}

Request& Client::addRequest(const CommandSpec& spec) {
  return addRequest(spec, kindOf(spec));
}

Request& Client::addRequest(const CommandSpec& spec, RequestKind kind) {
  Request& added = pushRequest(spec, kind);
  // What a local command does to others may make requests of theirs.
  if (services_.traceAtHand != nullptr && services_.traceAtHand->client == id()) [[unlikely]]
    added.trace = std::move(services_.traceAtHand);
  return added;
}

Request& Client::pushRequest(const CommandSpec& spec, RequestKind kind) {
  Request& added = services_.requests.take();
  added.client = this;
  added.spec = &spec;
  added.kind = kind;
  added.arrived = services_.host.now;
  added.muted = replySwitch_.muted();
  added.front = conversation_.frontOf(spec);
  pending().push(added);
  charge(added, sizeof(Request));
  services_.metrics.inFlightRequests.add(1);
  services_.busy.onRequest();
  return added;
}

void Client::start(Request& request, Command& command) {
  const CommandSpec& spec = *request.spec;
  const std::string_view bytes = command.bytes;
  if (spec.scriptSha > 0)
    request.wantScript(services_.control.scripts(), command.argv[static_cast<std::size_t>(spec.scriptSha)]);
  if (spec.forgetsScripts) services_.control.scripts().clear();
  routing::Plan& plan = services_.plan;
  if (command.composer != nullptr) plan.composer = std::move(command.composer);
  if (command.database.mapped()) request.database = &command.database;
  request.wantsWholeSlot = command.wantsWholeSlot;
  request.emptiesByKey = plan.composer != nullptr && spec.wholeDatabase == protocol::WholeDatabase::Flush;
  RequestBytes forwarded{bytes, command.tail};
  const bool copies = plan.kind == routing::Plan::Kind::BySlot ||
                      plan.kind == routing::Plan::Kind::EachNode ||
                      plan.kind == routing::Plan::Kind::Prepared;
  if (!copies) forwarded.block = bufferEndingWith(command.tail.empty() ? bytes : command.tail);
  request.bytes = bytes.size() + command.tail.size();
  if (differs(command, plan)) request.said = rememberSaid(services_, command.sent);
  charge(request, request.bytes);
  if (plan.partCount > 1)
    charge(request, plan.partCount * sizeof(Leg) + command.argv.size() * sizeof(std::uint32_t));
  services_.dispatcher.start(request, plan, command.argv, forwarded);
}

void Client::refuse(const CommandSpec* spec, std::string_view line) {
  std::string error;
  protocol::appendError(error, line);
  reply(spec, error);
}

}  // namespace slotless::session
