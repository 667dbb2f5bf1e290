// CLIENT TRACKING of one client, on connections of its own to all masters that have slots.
//
// While it is on and somebody is to be told (the client speaks RESP3, or REDIRECT names another one), its
// leases are its connections: whatever it sends to a node
// goes by its lease there. Reads, for the node has to remember their keys; writes, for NOLOOP; and what is
// watched or blocks as well. A WATCH on another lease would have what is read meanwhile remembered there, and
// forgotten when that lease is given back; a blocked client sends nothing else anyway. CLIENT CACHING goes
// right in front of the command that it is about.
//
// Everything that was cached is void, and the client is told so (a flush), when a lease is lost or a slot has
// changed its owner; with BCAST also when a lease is there again, since the client may read by other
// connections. Masters that have been flushed one after the other give one flush, and so does a FLUSHDB of
// the client's own that its nodes carry out key by key. A push keeps its place behind the replies that came
// before it. In RESP2 without REDIRECT nodes would push nothing, and there are no leases. PING is answered
// when all nodes have said what they had to say before.
//
// Ownership: the client's conversation's. Not destroyed inside of its leases' events.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_spec.h"
#include "proxy/tracking/redirector.h"
#include "proxy/tracking/tracking_lease.h"
#include "proxy/tracking/tracking_options.h"

namespace slotless::session {

class Downstream;
class Request;
class Tracked;
class Trackers;

class Tracking final : public TrackingLeaseEvents {
 public:
  Tracking(Downstream& client, Tracked& tracked, Context& context, Trackers& trackers);
  ~Tracking();
  Tracking(const Tracking&) = delete;
  Tracking& operator=(const Tracking&) = delete;

  const TrackingMode& mode() const noexcept { return mode_; }
  std::size_t memoryBytes() const noexcept;
  // The client's requests go by its leases.
  bool engaged() const noexcept { return engaged_; }
  // The options fit. The request is answered when all masters have confirmed, or refused at the hold timeout.
  // Requires that all earlier replies are in.
  void turnOn(Request& request, const TrackingOptions& options, const RedirectTarget& target);
  // The same where nothing is sent: within RESP2, and without REDIRECT.
  void turnOnUnseen(const TrackingOptions& options);
  void turnOff();
  // The client's requests go by other links, so in another database. Requires that nothing is pending.
  void onLinks();
  // The client has changed its protocol.
  void onProtocol();
  // The client that was to be told has left; this one is told instead.
  void onRedirectBroken(std::uint64_t target);
  bool redirectBroken() const noexcept { return broken_; }
  bool hasLive() const;
  // `reply` is to come behind everything that nodes have pushed before they hear of this. Requires hasLive().
  void answerBehindPushes(Request& request, std::string_view reply);
  // `moved`: some slot has another owner.
  void onTopology(bool moved);

  // nullptr: there is none now. A node that is not known yet gets its lease.
  upstream::Link* linkTo(const net::Address& node);
  // To any node.
  upstream::Link* anyLink();
  bool owns(const upstream::Link& link) const noexcept;
  // What is watched on that lease must not spoil a later EXEC.
  void forgetWatchOn(const upstream::Link& link);
  // The budget allows what is missing.
  bool hasRoom() const noexcept;

  // CLIENT CACHING, for the next command.
  void giveCaching() noexcept { cachingGiven_ = true; }
  void endCaching() noexcept { cachingGiven_ = false; }
  bool cachingGiven() const noexcept { return cachingGiven_; }
  // For the request that comes next.
  upstream::Front frontOf(const protocol::CommandSpec& spec) noexcept;

  // The request could not be sent in a way that its keys are remembered: they count as changed at once.
  void voidReadsOf(const Request& request, const net::ByteChain& bytes);
  // The request's reply has left: what has to come behind it follows.
  void onReplied(const Request& request, net::ByteChain& output);

 private:
  struct Behind {
    const Request* request;
    std::string push;
  };

  void onLeaseLive(TrackingLease& lease, bool anew) override;
  void onLeaseRefused(TrackingLease& lease, std::string_view line) override;
  void onLeaseGone(TrackingLease& lease, const upstream::Link& link, bool wasLive) override;
  void onLeaseDeaf(TrackingLease& lease) override;
  void onInvalidation(TrackingLease& lease, std::string_view push) override;
  void onNodeFlushed(TrackingLease& lease) override;

  void engage();
  void changeProtocol();
  void disengage();
  void findMasters();
  void openLeases();
  void closeDrained();
  void confirm();
  void answer(std::string_view reply);
  void flush();
  void flushBehind(net::ByteChain& output);
  void tell(std::string_view push);
  void tellBehind(const Request& request, std::string_view push);
  void redirect(std::string_view push);
  // Somebody would be told.
  bool useful() const noexcept;
  TrackingLease& addLease(const net::Address& node);
  TrackingLease* leaseAt(const net::Address& node) const;
  template <typename Holds>
  bool anyLease(Holds holds) const {
    return std::any_of(leases_.begin(), leases_.end(),
                       [&](const auto& lease) { return !lease->retired() && holds(*lease); });
  }
  bool busy() const;
  void tick();
  void startTicking();

  Downstream& client_;
  Tracked& tracked_;
  Context& context_;
  Trackers& trackers_;
  TrackingMode mode_;
  RedirectTarget target_;  // while mode_ redirects
  bool broken_ = false;    // it has left
  bool engaged_ = false;
  int protocol_ = 2;  // that the leases are for
  bool cachingGiven_ = false;
  bool askedUnseen_ = false;   // nodes have been asked something while nobody would have been told
  Request* asking_ = nullptr;  // CLIENT TRACKING ON, unanswered
  bool complete_ = false;      // all masters have confirmed once: from now on a loss is told
  bool voidBefore_ = false;    // what has been read before is not remembered: told when complete
  bool allVoid_ = false;       // the client has been told so, and has asked for nothing since
  std::string refusal_;
  net::TimePoint deadline_{};
  std::optional<net::TimePoint> collectUntil_;  // a flush waits until then for other masters'
  std::vector<std::unique_ptr<TrackingLease>> leases_;
  std::deque<Behind> behind_;
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace slotless::session
