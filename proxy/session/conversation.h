// The state that one client's session has beyond single requests: a transaction, a watch, a blocking command,
// subscriptions, MONITOR, tracking.
//
// The mode changes in transition() only; what each command does in each mode stands in session_table.cpp.
// Commands that change the client's links (WATCH, EXEC after WATCH, what blocks) are exclusive: they wait for
// all earlier replies, and the next request waits for theirs.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/command_spec.h"
#include "proxy/dispatch/leases.h"
#include "proxy/session/block_leases.h"
#include "proxy/session/lease_source.h"
#include "proxy/session/monitoring.h"
#include "proxy/session/session_table.h"
#include "proxy/session/subscriptions.h"
#include "proxy/session/transaction.h"
#include "proxy/session/watch.h"
#include "proxy/tracking/tracking.h"
#include "proxy/translation/command.h"
#include "proxy/upstream/lease_pool.h"

namespace slotless::session {

class Client;
class Leg;
struct Services;

class Conversation final : public Leases {
 public:
  Conversation(Client& client, Services& services);

  enum class Outcome : std::uint8_t {
    Route,  // nothing special: go on with it
    Done,   // answered, or under way
    Wait,   // not before earlier replies are in
  };
  Outcome handle(Command& command);
  // Of the next command: in a transaction, what SELECT has chosen there.
  const databases::Database& database() const noexcept;
  // While a script keeps all clients waiting.
  Outcome refuseBusy(const protocol::CommandSpec& spec);
  // A request was refused before it came here: inside MULTI that spoils the transaction.
  void onRefused(std::string_view line);
  // In a transaction: a command that gives that error when it is run. True.
  bool queueError(const protocol::CommandSpec& spec, std::string_view line);
  // MONITOR is to show that with EXEC.
  void noteQueued(const protocol::CommandSpec& spec, std::string command);
  // EXEC itself was refused: the transaction is given up.
  Outcome abort(const protocol::CommandSpec& spec, std::string_view cause);

  Mode mode() const noexcept;
  // Nothing is open or has been asked for that a request could be part of.
  bool plain() const noexcept {
    return mode_ == Mode::Plain && !exclusive() && transaction_ == nullptr && subscriptions_ == nullptr &&
           monitoring_ == nullptr && tracking_ == nullptr && !watch_.on();
  }
  // The next request has to wait until the pending one is done.
  bool exclusive() const noexcept { return (unsettled_ & kExclusive) != 0; }
  // The client is to hear when all replies are in: ClientLimits::onSettled().
  void countDown() noexcept { unsettled_ |= kCounted; }
  bool blocked() const noexcept { return blocked_; }
  // It is blocked, and not by WAIT: what wakes it may take something away for it.
  bool takesWhenWoken() const noexcept;
  // By WAIT or WAITAOF without a time.
  bool waitsWithoutEnd() const noexcept;
  Watch& watch() noexcept { return watch_; }
  const Watch& watch() const noexcept { return watch_; }
  // Would it change data now: it writes, or it is the EXEC of what does.
  bool writes(const protocol::CommandSpec& spec, protocol::Argv argv) const;
  // nullptr: not between MULTI and EXEC.
  const Transaction* transaction() const noexcept { return transaction_.get(); }
  BlockLeases& blockLeases() noexcept { return blockLeases_; }
  // Of commands between MULTI and EXEC.
  std::size_t memoryBytes() const noexcept;
  // The part of it that is in blocks.
  std::size_t queuedBlockBytes() const noexcept {
    return transaction_ == nullptr ? 0 : transaction_->batchBytes();
  }
  // In either protocol, to anything.
  bool subscribed() const noexcept { return subscriptions_ != nullptr && subscriptions_->any(); }
  bool monitoring() const noexcept { return monitoring_ != nullptr && monitoring_->useful(); }
  // It is told things that it does not ask for each time.
  bool listens() const noexcept { return subscribed() || monitoring(); }
  // nullptr: it has never subscribed.
  const Subscriptions* subscriptions() const noexcept { return subscriptions_.get(); }
  // nullptr: it has never turned CLIENT TRACKING on.
  Tracking* tracking() noexcept { return tracking_.get(); }
  const Tracking* tracking() const noexcept { return tracking_.get(); }
  // All that the client sends to nodes goes by its tracking leases.
  bool engaged() const noexcept override { return tracking_ != nullptr && tracking_->engaged(); }
  // Its requests go by other links from now on. Requires that nothing is pending. What is watched on those
  // that it leaves is lost.
  void leaveLinks() {
    if (watch_.on()) watch_.lose();
  }
  void onLinks() {
    if (tracking_ != nullptr) tracking_->onLinks();
  }
  void onProtocol() {
    if (tracking_ != nullptr) tracking_->onProtocol();
  }
  // A tracking lease has no link any more, or another one.
  void onTrackingLinkGone(const upstream::Link& link) noexcept {
    watch_.forgo(link);
    blockLeases_.forgo(link);
  }
  // The command that comes next is about to be dealt with; see takenUp().
  bool endsCaching(protocol::Argv argv) const noexcept {
    return tracking_ != nullptr && isCachingEndedBy(argv);
  }
  void takenUp(bool endsCaching) noexcept {
    if (endsCaching && mode_ != Mode::Queueing) tracking_->endCaching();
  }
  upstream::Front frontOf(const protocol::CommandSpec& spec) noexcept {
    return tracking_ == nullptr ? upstream::Front::None : tracking_->frontOf(spec);
  }
  void onReplied(const Request& request, net::ByteChain& output) {
    if (tracking_ != nullptr) tracking_->onReplied(request, output);
  }
  // The request is not to meet what is watched on its lease. Requires that nothing else is pending.
  void takeBeside(Request& request);
  // All replies are in: an exclusive request is over.
  void settle();
  // What its client uses lies elsewhere from now on: an EXEC to come is told so.
  void relocate();
  // The client is leaving.
  void end();

  // Where its requests go, see Leases.
  bool sharesLinks() const noexcept override { return plain(); }
  upstream::Link* leaseAt(const net::Address& node, upstream::LeaseUse use) override;
  bool dropLostLease(const net::Address& node, upstream::LeaseUse use) override;
  bool holdsLease(upstream::LeaseUse use) const noexcept override {
    return use == upstream::LeaseUse::Blocking ? !blockLeases_.empty() : watch_.holdsLease();
  }
  bool watches() const noexcept override { return watch_.on(); }
  upstream::Link* watchLease() const noexcept override { return watch_.lease(); }
  upstream::Link* watchLeaseAt(const net::Address& node) const override { return watch_.heldAt(node); }
  bool watchBegins() const noexcept override { return watch_.first(); }
  bool watchBroken() const noexcept override { return watch_.broken(); }
  void breakWatch() noexcept override { watch_.breakOff(); }
  upstream::Link* trackingLeaseAt(const net::Address& node) override { return tracking_->linkTo(node); }
  upstream::Link* anyTrackingLease() override { return tracking_->anyLink(); }
  bool tracksOn(const upstream::Link& link) const noexcept override { return tracking_->owns(link); }
  bool hasRoomToTrack() const noexcept override { return tracking_->hasRoom(); }
  void voidReadsOf(const Request& request, const net::ByteChain& bytes) override {
    tracking_->voidReadsOf(request, bytes);
  }

 private:
  void transition(Mode next) noexcept { mode_ = next; }
  bool isCachingEndedBy(protocol::Argv argv) const noexcept;

  Outcome queue(Command& command);
  Outcome queueAlone(const Command& command, std::string_view objection);
  Outcome executeAlone();
  Outcome queueLater(const Command& command, bool changes);
  void charge(Request& request, const Transaction& transaction);
  Outcome executeLater(const protocol::CommandSpec& spec, std::unique_ptr<Transaction> transaction);
  Outcome queueForwarded(Command& command);
  Outcome begin(const protocol::CommandSpec& spec, std::string_view name);
  Outcome execute(const protocol::CommandSpec& spec, std::string_view name);
  Outcome discard(const protocol::CommandSpec& spec);
  Outcome addWatch(Command& command);
  Outcome unwatch(const protocol::CommandSpec& spec);
  Outcome block(Command& command);
  Outcome waitForReplicas(const protocol::CommandSpec& spec, protocol::Argv argv);
  Outcome subscribe(const Command& command);
  Outcome unsubscribe(const Command& command);
  Outcome monitor(const protocol::CommandSpec& spec);
  Outcome track(const protocol::CommandSpec& spec, protocol::Argv argv);
  void switchTracking(Request& request, const TrackingOptions& options, const RedirectTarget& target);
  void refuseLate(Request& request, std::string_view line);
  Outcome reset(const protocol::CommandSpec& spec);
  Outcome refuse(const protocol::CommandSpec& spec, std::string_view line);
  Outcome refuseSubscribed(const protocol::CommandSpec& spec);
  Outcome refuseForbidden(const protocol::CommandSpec& spec);
  Outcome refuseQueued(const protocol::CommandSpec& spec, std::string_view line);
  Outcome answer(const protocol::CommandSpec& spec, std::string_view reply);
  Outcome queued(const protocol::CommandSpec& spec);
  void sendBatch(const protocol::CommandSpec& spec, std::string_view name,
                 std::unique_ptr<Transaction> transaction);
  bool mayGroup() const;
  void sendGroups(const protocol::CommandSpec& spec, std::string_view name,
                  std::unique_ptr<Transaction> transaction);
  void sendUnwatch(const protocol::CommandSpec& spec);
  void becomeExclusive(bool blocks);
  // It may take long to be destroyed.
  void forgetTransaction(std::unique_ptr<Transaction> transaction);

  Client& client_;
  Services& services_;
  Mode mode_ = Mode::Plain;  // beyond subscriptions and monitoring, see mode()
  // What the end of all that is pending ends.
  enum Unsettled : std::uint8_t { kExclusive = 1U << 0, kCounted = 1U << 1 };
  std::uint8_t unsettled_ = 0;
  bool blocked_ = false;
  LeaseSource leaseSource_;
  Watch watch_;
  BlockLeases blockLeases_;
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<Subscriptions> subscriptions_;
  std::unique_ptr<Monitoring> monitoring_;
  std::unique_ptr<Tracking> tracking_;
};

}  // namespace slotless::session
