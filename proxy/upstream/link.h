// One shared connection to a node: multiplexes the requests of many clients, first in, first out.
//
// Everything that is written stays in the output until its reply has come (see SentRequest). A link never
// loses step: bytes that cannot be the reply to what was asked (garbage, one reply too many, a reply before
// its request was sent) break the connection, and every open request is told how it was lost. Errors: as
// values, to the exchanges and to the owner's events.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/reply_scanner.h"
#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/access.h"
#include "proxy/upstream/backoff.h"
#include "proxy/upstream/belief.h"
#include "proxy/upstream/connection.h"
#include "proxy/upstream/exchange.h"
#include "proxy/upstream/login.h"
#include "proxy/upstream/ring.h"
#include "proxy/upstream/script_memory.h"

namespace slotless::upstream {

enum class LinkRole : std::uint8_t {
  Shared,  // multiplexed by many clients; connects again by itself
  Lease,   // for one client at a time; ends when it is lost
};

struct LinkSettings {
  LinkRole role = LinkRole::Shared;
  int protocol = 2;
  bool readOnly = false;  // READONLY: for reads from replicas
  Access access;
  net::Millis connectTimeout{2000};  // handshake included
  net::Millis backoffMin{50};
  net::Millis backoffMax{2000};
  net::Millis replyTimeout{0};  // 0: none
  net::Millis suspectAfter{0};  // 0: never; see Link::tend()
  net::Millis heartbeat{0};     // 0: none
  net::Millis idleTimeout{0};   // 0: never; see Link::tend()
  // How often the node is told anew who this is, beside when that changes; 0: never.
  net::Millis reauthInterval{0};

  // The same for links of that protocol, and for reads from replicas.
  LinkSettings of(int itsProtocol, bool forReplicas) const {
    LinkSettings settings = *this;
    settings.protocol = itsProtocol;
    settings.readOnly = forReplicas;
    return settings;
  }
};

using telemetry::LinkState;

// How a connection ended, for those whose requests were on it: whose doing it may have been.
struct Breakage {
  enum class Cause : std::uint8_t {
    Broken,    // closed, reset, or out of step: perhaps because of what it was to answer
    Forsaken,  // its node has been replaced, or answers nothing at all
    DeadFlow,  // the node is well, and the connection was not: nobody's doing
  };
  Cause cause = Cause::DeadFlow;
  // Whose answer was the next one, if any of its bytes had left; nullptr: nobody's who still waits.
  const Exchange* front = nullptr;
  // That answer had been waited for longer than suspectAfter.
  bool ranLong = false;
  std::size_t sent = 0;      // requests that had left, whole or in part
  bool runnerFound = false;  // for those who are told: it is known which of them ran so long
};

// A command of the proxy's own right in front of a request, on the same link. In Redis each of these clears
// the other, so there is never more than one.
enum class Front : std::uint8_t {
  None,
  Asking,
  CachingYes,  // CLIENT CACHING, on leases with tracking
  CachingNo,
};

// As bytes of RESP.
std::string_view textOf(Front front) noexcept;

class Link;
class LinkProbe;
class ReplicaRole;

// Who holds a lease and hears what the node says unasked. Must not destroy the link.
class LeaseHolder {
 public:
  virtual void onLeaseReady(Link& link) = 0;
  // A whole push, which came behind all replies that have been passed on. False: nothing that was to be
  // expected; the link is given up.
  virtual bool onPush(Link& link, std::string_view push) = 0;
  // After all exchanges have been told.
  virtual void onLeaseLost(Link& link) = 0;

 protected:
  ~LeaseHolder() = default;
};

// What links of one worker share.
struct LinkHost {
  net::Loop& loop;
  net::BlockPool& pool;
  // Room for one read; its contents matter only during a read.
  std::string& scratch;
  // The clock, read once per event.
  net::TimePoint now{};
  // The first event of this turn of the loop; 0: there was none.
  net::TimePoint turnBegan{};
  std::uint64_t linksMade = 0;
  std::size_t occupiedLinks = 0;  // see Link::occupied()

  void touch() {
    now = loop.now();
    if (turnBegan == net::TimePoint{}) turnBegan = now;
  }

  virtual void onLinkReady(Link& link) = 0;
  // After all exchanges have been told. `established`: the handshake had been completed.
  virtual void onLinkLost(Link& link, std::string_view reason, bool established) = 0;
  // The link has output: call flush() before the turn ends.
  virtual void onLinkDirty(Link& link) = 0;
  // A node has become silent (see Link::tend()), or has answered again.
  virtual void onLinkSilence(Link& link, bool begins) = 0;
  // How long a connection that is wanted now has to wait before it may be begun. `role`: what for.
  virtual net::Millis turnToDial(const net::Address&, LinkRole) { return net::Millis{0}; }
  // The node does not take the credentials that it has been told anew; the link goes on. `why`: the code of
  // its error.
  virtual void onLoginRefused(Link& link, std::string_view why) {
    static_cast<void>(link);
    static_cast<void>(why);
  }
  // A number in [0, bound), for jitter.
  virtual std::uint32_t random(std::uint32_t bound) = 0;

  LinkHost(net::Loop& eventLoop, net::BlockPool& blocks, std::string& readBuffer)
      : loop(eventLoop), pool(blocks), scratch(readBuffer) {}

 protected:
  ~LinkHost() = default;
};

class Link final : private Connection::Owner {
 public:
  Link(LinkHost& host, const LinkSettings& settings, net::Address node, telemetry::NodeMetrics& metrics);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // As the topology has it, a name as a name.
  const net::Address& node() const noexcept { return connection_.node(); }
  // See Connection::peer().
  net::Address peer() const { return connection_.peer(); }
  // No other link of the worker has had or will have that number.
  std::uint64_t serial() const noexcept { return serial_; }
  LinkState state() const noexcept { return state_; }
  bool ready() const noexcept { return state_ == LinkState::Ready; }
  // There is no connection, and none is being made: not wanted so far, or not for a while.
  bool idle() const noexcept { return state_ == LinkState::Idle; }
  // It is on its way for the first time since it was idle, and has not taken long so far.
  bool beginning() const noexcept;
  // The node has answered the handshake and the connection stands.
  bool up() const noexcept {
    return state_ == LinkState::Ready || state_ == LinkState::Silent || state_ == LinkState::Draining;
  }
  // Of a replica: it says that it gets what its master does. Asked once a second, since it serves what it had
  // before, or nothing, as long as it gets nothing.
  bool inStep() const noexcept;
  // Of a replica: it denies READONLY, and so serves nothing.
  bool deniesReads() const noexcept { return up() && connection_.readOnlyDenied(); }
  // The node could not be reached when that was tried last.
  bool failing() const noexcept { return backoff_.failures() > 0 && !up(); }
  // Requests without a reply, the link's own aside.
  std::size_t inFlight() const noexcept { return fifo_.size() - own_; }
  // A reply is coming that all others on this shared link would wait behind for long.
  bool occupied() const noexcept { return occupied_; }
  // Sent and unsent bytes that wait for their replies.
  std::size_t bytesOpen() const noexcept { return output_.size(); }
  telemetry::NodeMetrics& metrics() noexcept { return metrics_; }

  // Begins to connect, unless the link is up or on its way; goes on trying until it is destroyed, or nobody
  // has used it for idleTimeout.
  void open();
  // The same, ahead of need: until it is established it is missed.
  void openAhead();

  // All of these require ready(). The exchange must outlive the reply or the loss. `preludes`: how many
  // replies come before the request's own; they are not forwarded.
  void send(Exchange& exchange, std::string_view request);
  void send(Exchange& exchange, std::string_view request, Front front);
  void send(Exchange& exchange, net::BlockPtr request, Front front);
  void send(Exchange& exchange, net::ByteChain& request, Front front, std::uint32_t preludes = 0);

  LinkRole role() const noexcept { return settings_.role; }
  int protocol() const noexcept { return settings_.protocol; }
  // Which of the node's own databases it stands in.
  std::uint32_t database() const noexcept { return settings_.access.database; }
  ScriptMemory& scripts() noexcept { return scripts_; }
  const ScriptMemory& scripts() const noexcept { return scripts_; }
  // The node's number for this connection; 0: not known.
  std::int64_t nodeClientId() const noexcept { return connection_.nodeClientId(); }
  std::string encryption() const { return connection_.encryption(); }
  // The node has answered at least once.
  bool wasEverReady() const noexcept { return wasEverReady_; }
  // Leases only: without a holder a push breaks the connection.
  void setHolder(LeaseHolder* holder) noexcept { holder_ = holder; }
  // A lease whose connection is gone for good.
  bool dead() const noexcept { return settings_.role == LinkRole::Lease && state_ == LinkState::BackingOff; }

  // What is asked on it would not be answered, or not be believed.
  bool lost() const noexcept { return dead() || retired(); }

  // The request that this exchange is getting the reply to; nothing: it is not at its turn.
  std::optional<SentRequest> requestOf(const Exchange& exchange) const;

  void flush();
  // Ends the connection without telling anybody; nothing may be open on it but what nobody waits for.
  void close();
  // Gives back memory that a burst has needed.
  void shrink() { fifo_.shrink(); }
  // Another node has taken its master's place. Such a master says so at once (MOVED); one that was frozen or
  // cut off does not, and what it says to have done when it comes back nobody keeps. So its redirects are
  // taken, its other replies only for a moment, and then the connection is given up; but a reply that has
  // begun goes on to its end. Calling it again changes nothing.
  void retire();
  // Its node has slots, after all (one that was frozen counts as a master for a moment, but has none): a
  // topology was older than the redirects that led here, or the node has come back by a planned failover.
  // What is open on it may be waited for and is believed; nothing more goes onto it.
  void trustAgain();
  bool retired() const noexcept { return belief_.retired(); }
  // Leases only: the rest of a reply stays with the node for now. Such a link is never called silent or late.
  void pauseReading();
  void resumeReading();
  bool readingPaused() const noexcept { return readingPaused_; }
  // How long the node has said nothing while a request waits; 0: nobody waits.
  net::TimePoint::duration silence() const noexcept {
    return fifo_.empty() || readingPaused_ ? net::TimePoint::duration{} : host_.now - lastProgress_;
  }
  // Now and then. A node that says nothing for suspectAfter while something is in flight is
  // suspected: the link is not ready() until the node says anything, and what was sent stays sent, since the
  // node may only be busy. An idle link gets a PING after each `heartbeat`; if nothing else waits for a node
  // that does not answer it, the connection is given up. `mayJudge`: the node is asked on another connection
  // whether this one is dead (LinkProbe), and if so it is given up. A shared link that nobody has used for
  // idleTimeout is closed, and idle.
  void tend(bool maySuspect, bool mayJudge = true);
  bool probing() const noexcept { return probe_ != nullptr; }
  // Now and then, and when the credentials have changed: AUTH takes its place between the requests if it is
  // due. A lease waits until nothing is open on it; a link whose credentials were refused tries the new ones.
  void keepLogin();
  // The node may know this connection by other credentials than the latest: what they allow it has not
  // judged.
  bool loginChanges() const noexcept {
    return !settings_.access.ofClient && login_.changes(settings_.access);
  }
  // The node does not know any more who this is (NOAUTH), and so carries nothing out. Nothing more goes onto
  // the connection, and when all has been answered it is made again (a lease ends). Only inside of an
  // exchange's call.
  void renew();
  // What it has not answered yet may be waited for on the link, too: until the node's next word it is not
  // suspected. False: it is not silent.
  bool trustSilent();
  // During Exchange::onLost() but for Loss::Late: how it came about.
  Breakage& breakage() noexcept { return breakage_; }
  // A request whose turn it has been for longer than replyTimeout is told that it is late; its reply will be
  // thrown away. Those behind it have not been at their turn. If the node does not even take it whole, the
  // connection is broken.
  void checkReplyTimeout(net::TimePoint now);

 private:
  // What the link says itself.
  enum class Own : std::uint8_t { No, Heartbeat, Login };

  struct Entry {
    Exchange* exchange;
    std::uint64_t length;  // of all its bytes on the link
    std::uint32_t prefix;  // how many of them come before the request itself (its front)
    std::uint32_t skip;    // replies that come before the request's own …
    bool front;            // … the first of them the front's
    net::TimePoint sent;   // put on the link
    Own own = Own::No;
  };

  // Takes the answer to AUTH.
  class LoginAnswer final : public Exchange {
   public:
    explicit LoginAnswer(Link& link) : link_(link) {}
    void onReply(std::string_view, bool last) override {
      if (last) link_.onLoginAnswer("+");
    }
    void onErrorReply(std::string_view line, const SentRequest&) override { link_.onLoginAnswer(line); }
    void onLost(Loss, const SentRequest&) override {}

   private:
    Link& link_;
  };

  void transition(LinkState next);
  void begin();
  void dial();
  bool unused() const noexcept;
  void rest();
  // In the place of one who does not wait any more, or who never did.
  static Exchange& nobody() noexcept;
  void onGreeting() override;
  void onConnectionUp() override;
  void onBytes(std::string_view bytes) override;
  void onRoom() override;
  void onConnectionLost(std::string_view reason) override;
  void takeReplies(std::string_view bytes);
  bool takePiece(std::string_view piece, bool first, bool complete);
  bool declined(const Entry& entry);
  void finishFront();
  void noteLength(const Entry& entry, std::size_t taken);
  void endOccupation() noexcept;
  void count(const Entry& entry, bool failed);
  bool takePush(std::string_view piece, bool complete);
  void beginEntry(Front front);
  void endEntry(Exchange& exchange, Front front, std::uint32_t preludes, std::size_t sizeBefore);
  void skipReply(const Entry& entry, std::string_view piece, bool complete);
  void lose(std::string_view reason, Breakage::Cause cause = Breakage::Cause::Broken);
  void noteBreakage(Breakage::Cause cause, bool established);
  void beat();
  void pushOwn(Exchange& exchange, std::string_view request, Own own);
  void onLoginAnswer(std::string_view line);
  void endDraining();
  net::Millis pauseAfterLoss(bool established);
  void publishInFlight() noexcept;
  void hearNode();
  void onTimer();
  void grantPatience();
  void endPatience();

  LinkHost& host_;
  const LinkSettings& settings_;
  telemetry::NodeMetrics& metrics_;
  const std::uint64_t serial_;
  LinkState state_ = LinkState::Idle;
  Connection connection_;
  // The pause before the next attempt; when retired: the patience with it.
  std::unique_ptr<net::Timer> timer_;
  Backoff backoff_;
  net::ByteChain output_;
  std::size_t sent_ = 0;  // bytes of output_ that have left
  Ring<Entry> fifo_;
  std::size_t own_ = 0;  // entries of fifo_ that are the link's own
  protocol::ReplyScanner scanner_;
  LeaseHolder* holder_ = nullptr;
  std::string errorLine_;         // the beginning of an error reply that came in pieces
  std::string push_;              // the same of a push
  std::uint64_t frontTaken_ = 0;  // bytes of the reply under way
  net::TimePoint lastProgress_{};
  net::TimePoint lastUsed_{};  // opened, or sent a request
  net::TimePoint openedAt_{};
  net::TimePoint frontSince_{};  // the first of fifo_ is the first since then
  Breakage breakage_;
  std::unique_ptr<LinkProbe> probe_;   // while the node is silent
  std::unique_ptr<ReplicaRole> role_;  // for reads from replicas
  ScriptMemory scripts_;
  Belief belief_;
  Login login_;
  LoginAnswer loginAnswer_{*this};
  Backoff renewals_;
  net::TimePoint renewedAt_{};
  std::optional<std::uint64_t> unauthorised_;  // the generation whose greeting was refused last
  bool wasEverReady_ = false;
  bool dirty_ = false;
  bool readingPaused_ = false;
  bool beating_ = false;  // a heartbeat is in fifo_
  bool trusted_ = false;  // see trustSilent()
  bool occupied_ = false;
  bool early_ = false;  // the front request was answered before it was sent
};

}  // namespace slotless::upstream
