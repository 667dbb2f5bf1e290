#include "proxy/session/conversation.h"

#include <utility>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/work.h"
#include "proxy/scripts/script_writes.h"
#include "proxy/session/client.h"
#include "proxy/session/refusal.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::Handling;
using upstream::LeaseUse;
using upstream::Link;

namespace {

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

Mode Conversation::mode() const noexcept {
  if (mode_ != Mode::Plain) return mode_;
  // HELLO may change the protocol of a client that is subscribed.
  if (client_.protocol == 2 && subscribed()) return Mode::Subscribed;
  return monitoring() ? Mode::Monitoring : Mode::Plain;
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

std::size_t Conversation::memoryBytes() const noexcept {
  return (transaction_ == nullptr ? 0 : transaction_->memoryBytes()) +
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
  unsettled_ |= kExclusive;
  if (!blocks) return;
  blocked_ = true;
  services_.metrics.blockedClients.add(1);
}

void Conversation::takeBeside(Request& request) {
  request.besideWatch = true;
  becomeExclusive(false);
}

void Conversation::settle() {
  if (unsettled_ == 0) return;
  const bool wasExclusive = exclusive();
  if ((std::exchange(unsettled_, 0) & kCounted) != 0) client_.onSettled();
  if (!wasExclusive) return;
  if (blocked_) {
    blocked_ = false;
    services_.metrics.blockedClients.add(-1);
    blockLeases_.settle();
  }
  watch_.settle();
}

// What has been queued is in the words of the one server, and whoever watches repeats it by itself.
void Conversation::relocate() {
  if (watch_.on()) watch_.lose();
  if (transaction_ != nullptr && !watch_.on())
    transaction_->fail("TRYAGAIN the data has been moved since MULTI: repeat the transaction");
}

void Conversation::end() {
  if (blocked_) services_.metrics.blockedClients.add(-1);
  blocked_ = false;
  unsettled_ = 0;
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
