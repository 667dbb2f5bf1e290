// All shared links of one worker and protocol: one per node that the topology names as a master.
//
// Ownership: the pool owns the links. A link whose node has left the topology goes on until its last reply
// has come. Links are destroyed only in sweep(), never inside one of their own callbacks.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/link.h"
#include "proxy/upstream/replaced_masters.h"

namespace slotless::upstream {

enum class OpenLinks : std::uint8_t {
  Ahead,     // to all masters as soon as the topology names them, but not while nobody uses any
  OnDemand,  // to each master when the first request wants to go there
};

class LinkPool {
 public:
  LinkPool(LinkHost& host, LinkSettings settings, telemetry::WorkerMetrics& metrics, OpenLinks open);
  ~LinkPool();

  void setTopology(cluster::TopologyPtr topology);
  const cluster::Topology& topology() const noexcept { return *topology_; }
  const cluster::TopologyPtr& topologyPtr() const noexcept { return topology_; }

  // The link to a node of the current topology; it may not be ready. Opens it if need be.
  Link& linkTo(cluster::NodeIndex node) {
    Link* link = byNode_[node];
    return link != nullptr && !link->idle() ? *link : openLink(node);
  }
  // A master by name whose word about its keys is not to be asked for.
  bool isReplaced(cluster::NodeIndex node) const noexcept { return replaced_.has(node); }
  // Masters that the topology has no more, the latest last: what they were at they may still be at. Those
  // that have come back, as whatever, are not among them.
  const std::vector<net::Address>& formerMasters() const noexcept { return former_; }
  // As urgentLinkTo(), for one of those; nullptr: it is none of them.
  Link* urgentLinkToFormer(const net::Address& node);
  // A second link to the same node: for what must get through while a script keeps the first one waiting.
  Link& urgentLinkTo(cluster::NodeIndex node);
  // nullptr: nobody serves the slot.
  Link* linkFor(protocol::Slot slot) {
    const cluster::NodeIndex owner = topology_->owners[slot];
    return owner == cluster::kNoNode ? nullptr : &linkTo(owner);
  }
  // Some master whose link is ready; nullptr if there is none: then one is opened, if none is on its way.
  // Turns round at each call.
  Link* anyReady();

  // Calls `visit(const Link&)` for each link that is not on its way out.
  template <typename Visit>
  void forEachLink(Visit visit) const {
    for (const auto& [address, link] : links_) visit(*link);
    for (const auto& [address, link] : urgent_) visit(*link);
  }

  // Counts from the next connection of each link on, time limits at once. Protocol and kind stay.
  void setSettings(const LinkSettings& settings);
  // After setSettings(), where the credentials have changed: Link::keepLogin() for all links.
  void keepLogins() {
    forEach([](Link& link) { link.keepLogin(); });
  }
  // All of them are destroyed by sweep() as soon as nothing is open on them; new ones may be made.
  void dismiss();
  bool empty() const noexcept { return links_.empty() && urgent_.empty() && retired_.empty(); }
  // Now and then: gives back memory that a burst has needed.
  void shrink() noexcept;
  // Retires idle links to nodes that are not masters: a redirect that was out of date has opened them, or
  // somebody has asked a former master. Nobody is to knock at a node for ever that is gone.
  void closeStrays();
  // Bytes that wait on all links for their replies.
  std::size_t bytesOpen() const noexcept;

  // The longest silence of a node that somebody waits for.
  net::TimePoint::duration silence() const noexcept;

  // Once per turn: destroys links that are retired and drained.
  void sweep();
  void checkReplyTimeouts(net::TimePoint now);
  // Link::tend() for all links that are not on their way out; those for urgent requests are never suspected.
  void tend(bool maySuspect);

 private:
  void judgeRetired();
  bool isFormer(const net::Address& node) const noexcept;
  void noteFormer(const cluster::Topology& before);
  Link& urgentLink(const net::Address& address);
  Link& openLink(cluster::NodeIndex node);
  Link& addLink(cluster::NodeIndex node);
  bool inUse() const noexcept;
  template <typename Visit>
  void forEach(Visit visit) const {
    for (const auto& [address, link] : links_) visit(*link);
    for (const auto& [address, link] : urgent_) visit(*link);
    for (const auto& link : retired_) visit(*link);
  }
  void openSome();

  LinkHost& host_;
  LinkSettings settings_;
  telemetry::WorkerMetrics& metrics_;
  cluster::TopologyPtr topology_ = std::make_shared<const cluster::Topology>();
  std::map<net::Address, std::unique_ptr<Link>> links_;
  std::map<net::Address, std::unique_ptr<Link>> urgent_;  // made when they are first needed
  std::vector<net::Address> former_;
  ReplacedMasters replaced_;
  std::vector<std::unique_ptr<Link>> retired_;
  std::vector<Link*> byNode_;  // by the current topology's node index
  OpenLinks open_;
  std::size_t next_ = 0;
};

}  // namespace slotless::upstream
