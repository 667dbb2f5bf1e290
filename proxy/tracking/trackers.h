// All clients of one worker that have CLIENT TRACKING on, and the confirmations that nodes owe them.
//
// Ownership: trackers are their clients'. Confirmations and barriers are this object's: a link refers to one
// until its reply or loss, which may come when the client has left.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

class Dispatcher;
class Redirector;
class Request;
class Trackers;
class Tracking;
class TrackingLease;

class TrackingConfirmation final : public upstream::Exchange {
 public:
  explicit TrackingConfirmation(Trackers& owner) : owner_(owner) {}
  // The lease does not want to hear of it any more.
  void forget() noexcept { lease_ = nullptr; }

 private:
  friend class Trackers;
  void onReply(std::string_view bytes, bool last) override;
  void onPreludeError(std::string_view line) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;
  void finish(std::string_view refusal);

  Trackers& owner_;
  TrackingLease* lease_ = nullptr;
  std::string refusal_;
};

// The reply to a request, to be given when several links have answered something.
class PushBarrier final : public upstream::Exchange {
 public:
  explicit PushBarrier(Trackers& owner) : owner_(owner) {}

 private:
  friend class Trackers;
  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;
  void arrive();

  Trackers& owner_;
  Dispatcher* dispatcher_ = nullptr;
  Request* request_ = nullptr;
  std::string reply_;
  std::size_t missing_ = 0;
};

class Trackers {
 public:
  explicit Trackers(Redirector& redirector) : redirector_(redirector) {}

  // Its clients have to find their way by this one from now on.
  void setTopology(cluster::TopologyPtr topology);
  // Those that have slots.
  const std::vector<net::Address>& masters() const noexcept { return masters_; }
  Redirector& redirector() noexcept { return redirector_; }
  void add(Tracking& tracking);
  void remove(Tracking& tracking);

  TrackingConfirmation& takeConfirmation(TrackingLease& lease);
  // `links` of them, at least one, have to be sent something with it as its exchange.
  PushBarrier& takeBarrier(Dispatcher& dispatcher, Request& request, std::string_view reply,
                           std::size_t links);

 private:
  friend class TrackingConfirmation;
  friend class PushBarrier;

  Redirector& redirector_;
  cluster::TopologyPtr topology_ = std::make_shared<const cluster::Topology>();
  std::vector<net::Address> masters_;
  std::vector<Tracking*> trackers_;
  std::vector<std::unique_ptr<TrackingConfirmation>> all_;
  std::vector<TrackingConfirmation*> free_;
  std::vector<std::unique_ptr<PushBarrier>> allBarriers_;
  std::vector<PushBarrier*> freeBarriers_;
};

}  // namespace slotless::session
