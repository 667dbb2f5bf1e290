// A tracking client's connection to one node: has CLIENT TRACKING confirmed on it, and passes on what the
// node pushes. Nothing else goes by it before it is live.
//
// Within RESP2 a node pushes nothing. So with REDIRECT the link has a second one beside it, its ear, that
// does nothing but listen: the node redirects to it what it has to say. Two clients never share an ear: a
// push does not tell whose it is. An ear keeps its place when the client changes its protocol, and with it
// what the node remembers.
//
// Ownership: its tracker's; must not be destroyed inside of the tracker's events but by the last thing they
// do. The links are the lease pool's. Errors: a lease that is lost or refused waits, and connects again when
// it is told to; without its ear it retires.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/address/address.h"
#include "proxy/tracking/tracking_options.h"
#include "proxy/upstream/link_set.h"

namespace slotless::session {

class TrackingLease;
class TrackingConfirmation;
struct Context;
class Trackers;

// What a tracker hears of its leases.
class TrackingLeaseEvents {
 public:
  // `anew`: its connection has just been made.
  virtual void onLeaseLive(TrackingLease& lease, bool anew) = 0;
  // The node's error line.
  virtual void onLeaseRefused(TrackingLease& lease, std::string_view line) = 0;
  // It has no link any more. `wasLive`: what the node would have said since is missing.
  virtual void onLeaseGone(TrackingLease& lease, const upstream::Link& link, bool wasLive) = 0;
  // It has lost its ear and retired, since what has been sent may still be answered.
  virtual void onLeaseDeaf(TrackingLease& lease) = 0;
  virtual void onInvalidation(TrackingLease& lease, std::string_view push) = 0;
  // The node has been emptied.
  virtual void onNodeFlushed(TrackingLease& lease) = 0;

 protected:
  ~TrackingLeaseEvents() = default;
};

class TrackingLease final : public upstream::LeaseHolder {
 public:
  // `mode` is the tracker's, and may change.
  TrackingLease(Context& context, upstream::LinkSet& connections, Trackers& trackers,
                TrackingLeaseEvents& events, const TrackingMode& mode, net::Address node)
      : context_(context),
        connections_(connections),
        trackers_(trackers),
        events_(events),
        mode_(mode),
        node_(std::move(node)) {}
  // Closes the link: a node remembers a connection's keys beyond CLIENT TRACKING OFF, and would tell the next
  // holder of them.
  ~TrackingLease();
  TrackingLease(const TrackingLease&) = delete;
  TrackingLease& operator=(const TrackingLease&) = delete;

  // How many connections one takes.
  static std::size_t linksFor(const TrackingMode& mode) noexcept { return mode.redirects() ? 2 : 1; }

  // Gets links if there are none, the pause is over and the budget allows; then tells the node of the mode.
  void open(int protocol);
  // Requires a live lease: it is not until the node has confirmed.
  void change(const TrackingOptions& options);
  // Goes on in that protocol. Requires a live lease with an ear.
  void speak(int protocol);
  // A command whose reply nobody waits for; nothing if there is no connection.
  void tell(std::string_view command);
  // Takes nothing more; what is open on it may end.
  void retire() noexcept {
    retiredBusy_ = retiredBusy_ || (!retired_ && !drained());
    retired_ = true;
  }

  // The same, and what the node still pushes is for nobody.
  void dismiss() noexcept {
    retire();
    dismissed_ = true;
  }

  const net::Address& node() const noexcept { return node_; }
  bool live() const noexcept { return state_ == State::Live && !retired_; }
  bool retired() const noexcept { return retired_; }
  bool retiredBusy() const noexcept { return retiredBusy_; }
  bool asked() const noexcept { return state_ == State::Asked; }
  bool hasEar() const noexcept { return ear_ != nullptr; }
  // Nothing comes of it just now: it has been lost or refused.
  bool failed() const noexcept { return state_ == State::Idle && failures_ > 0; }
  bool drained() const noexcept { return link_ == nullptr || link_->inFlight() == 0; }
  // Not in use for anything but this.
  upstream::Link* link() const noexcept { return link_; }

  // For the tracker: the node has pushed a flush that the client has not been told of.
  bool flushed = false;

 private:
  friend class TrackingConfirmation;
  enum class State : std::uint8_t { Idle, Connecting, Asked, Live };

  void onLeaseReady(upstream::Link& link) override;
  bool onPush(upstream::Link& link, std::string_view push) override;
  void onLeaseLost(upstream::Link& link) override;
  void ask(const std::vector<std::string>& commands);
  std::int64_t earId() const noexcept;
  void onEarLost();
  void onAnswered(std::string_view refusal);
  void drop();

  Context& context_;
  upstream::LinkSet& connections_;
  Trackers& trackers_;
  TrackingLeaseEvents& events_;
  const TrackingMode& mode_;
  const net::Address node_;
  State state_ = State::Idle;
  bool retired_ = false;
  bool retiredBusy_ = false;
  bool dismissed_ = false;
  bool anew_ = false;  // it has not been live on this connection
  upstream::Link* link_ = nullptr;
  upstream::Link* ear_ = nullptr;
  TrackingConfirmation* confirmation_ = nullptr;
  std::uint32_t failures_ = 0;  // since it was live
  net::TimePoint retryAt_{};
};

}  // namespace slotless::session
