// All clients of one worker that have CLIENT TRACKING on, and the confirmations that nodes owe them.
//
// Ownership: trackers are their clients'. Confirmations are this object's: a link refers to one until its
// reply or loss, which may come when the client has left.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

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

class Trackers {
 public:
  // Its clients have to find their way by this one from now on.
  void setTopology(cluster::TopologyPtr topology);
  // Those that have slots.
  const std::vector<net::Address>& masters() const noexcept { return masters_; }
  void add(Tracking& tracking);
  void remove(Tracking& tracking);

  TrackingConfirmation& takeConfirmation(TrackingLease& lease);

 private:
  friend class TrackingConfirmation;

  cluster::TopologyPtr topology_ = std::make_shared<const cluster::Topology>();
  std::vector<net::Address> masters_;
  std::vector<Tracking*> trackers_;
  std::vector<std::unique_ptr<TrackingConfirmation>> all_;
  std::vector<TrackingConfirmation*> free_;
};

}  // namespace slotless::session
