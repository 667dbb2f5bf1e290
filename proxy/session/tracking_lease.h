// A tracking client's connection to one node: has CLIENT TRACKING confirmed on it, and passes on what the
// node pushes. Nothing else goes by it before it is live.
//
// Ownership: its tracker's; must not be destroyed inside of the tracker's events but by the last thing they
// do. The link is the lease pool's. Errors: a lease that is lost or refused waits, and connects again when it
// is told to.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/address.h"
#include "proxy/upstream/lease_pool.h"
#include "proxy/upstream/link.h"

namespace slotless::session {

class TrackingLease;
class TrackingConfirmation;
struct Services;

// What a tracker hears of its leases.
class TrackingLeaseEvents {
 public:
  virtual void onLeaseLive(TrackingLease& lease) = 0;
  // The node's error line.
  virtual void onLeaseRefused(TrackingLease& lease, std::string_view line) = 0;
  // It has no link any more. `wasLive`: what the node would have said since is missing.
  virtual void onLeaseGone(TrackingLease& lease, const upstream::Link& link, bool wasLive) = 0;
  virtual void onInvalidation(TrackingLease& lease, std::string_view push) = 0;
  // The node has been emptied.
  virtual void onNodeFlushed(TrackingLease& lease) = 0;

 protected:
  ~TrackingLeaseEvents() = default;
};

class TrackingLease final : public upstream::LeaseHolder {
 public:
  TrackingLease(Services& services, TrackingLeaseEvents& events, net::Address node)
      : services_(services), events_(events), node_(std::move(node)) {}
  // Closes the link: a node remembers a connection's keys beyond CLIENT TRACKING OFF, and would tell the next
  // holder of them.
  ~TrackingLease();
  TrackingLease(const TrackingLease&) = delete;
  TrackingLease& operator=(const TrackingLease&) = delete;

  // Gets a link if there is none, the pause is over and the budget allows; then sends the commands.
  void open(const std::vector<std::string>& commands);
  // Requires a live lease: it is not until the node has confirmed.
  void ask(const std::vector<std::string>& commands);
  // A command whose reply nobody waits for; nothing if there is no connection.
  void tell(std::string_view command);
  // Takes nothing more; what is open on it may end.
  void retire() noexcept {
    retiredBusy_ = retiredBusy_ || (!retired_ && !drained());
    retired_ = true;
  }

  const net::Address& node() const noexcept { return node_; }
  bool live() const noexcept { return state_ == State::Live && !retired_; }
  bool retired() const noexcept { return retired_; }
  bool retiredBusy() const noexcept { return retiredBusy_; }
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
  void send(const std::vector<std::string>& commands);
  void onAnswered(std::string_view refusal);
  void drop();

  Services& services_;
  TrackingLeaseEvents& events_;
  const net::Address node_;
  State state_ = State::Idle;
  bool retired_ = false;
  bool retiredBusy_ = false;
  upstream::Link* link_ = nullptr;
  std::vector<std::string> commands_;  // to be sent when the link is ready
  TrackingConfirmation* confirmation_ = nullptr;
  std::uint32_t failures_ = 0;  // since it was live
  net::TimePoint retryAt_{};
};

}  // namespace slotless::session
