// Keeps the topology fresh: asks nodes, merges their answers by epoch, publishes a snapshot when something
// changed.
//
// Runs on the cluster thread's loop. At most one round at a time, rounds no closer than minInterval, with
// jitter. A round asks one node, or several in parallel when it is urgent (requests are waiting for a slot's
// owner); since urgent rounds come in quick succession, they keep their connections for a while, and the
// later ones ask fewer nodes. If no known node answers, the seeds are resolved again: all addresses may have
// changed.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/discovery/node_query.h"
#include "proxy/discovery/topology_parser.h"
#include "proxy/discovery/topology_source.h"
#include "proxy/net/loop.h"

namespace slotless::discovery {

class TopologyRefresher final : public TopologySource {
 public:
  using Events = TopologyEvents;

  TopologyRefresher(net::Loop& loop, RefreshSettings settings, Events events, std::uint32_t randomSeed);
  ~TopologyRefresher() override;

  void start() override;
  void setSettings(RefreshSettings settings) override;
  void request(bool urgent) override;
  const cluster::Topology& current() const noexcept { return *current_; }

 private:
  void schedule(net::Millis delay);
  void beginRound();
  void askKnownNodes();
  void askSeeds();
  // `name`: by which the node is known, and which it has to prove with TLS.
  void ask(const net::Address& node, const std::string& name);
  void onAnswer(std::uint64_t queryId, const net::Address& node, const std::string& name, QueryResult result);
  bool accept(const net::Address& node, const std::string& name, const QueryResult& result);
  // `host`: of the node that has answered.
  std::optional<cluster::Topology> topologyIn(const std::string& host, const QueryResult& result,
                                              std::vector<ListedNode>& listed);
  void noteDenials(const net::Address& node, const QueryResult& result);
  void keep(std::unique_ptr<NodeQuery> answered);
  void endRound(bool answered);
  net::Millis jittered(net::Millis delay);
  void lookSoonAfterChange();
  // The shortest time between two rounds.
  net::Millis pace() const;

  net::Loop& loop_;
  RefreshSettings settings_;
  Events events_;
  std::minstd_rand random_;
  cluster::TopologyPtr current_ = std::make_shared<const cluster::Topology>();
  std::unique_ptr<net::Timer> timer_;
  net::TimePoint lastBegin_{};
  net::TimePoint nextBegin_{};
  // Queries of the current round, and stragglers of earlier ones (a frozen node answers late; its epochs
  // protect us).
  std::map<std::uint64_t, std::unique_ptr<NodeQuery>> queries_;
  // Answered queries of urgent rounds: connections for the next one.
  std::map<net::Address, std::unique_ptr<NodeQuery>> kept_;
  std::unique_ptr<net::Timer> keptTimer_;
  std::uint64_t lastQueryId_ = 0;
  std::size_t roundOpen_ = 0;                          // answers that the current round still waits for
  std::vector<std::unique_ptr<net::LookUp>> lookUps_;  // of seeds, in this round
  std::uint64_t roundFirstId_ = 0;
  int failedRounds_ = 0;
  int roundsWithoutNews_ = 0;
  // After a change: when the next look is due, and how long after the one before. 0: as always.
  net::TimePoint nextLook_{};
  net::Millis lookAfter_{0};
  bool inRound_ = false;
  bool urgent_ = false;       // the next round
  bool urgentRound_ = false;  // the last one
  bool wanted_ = false;
  bool seedsAsked_ = false;
  bool shardsNeeded_ = false;  // CLUSTER SLOTS and NODES are denied
};

}  // namespace slotless::discovery
