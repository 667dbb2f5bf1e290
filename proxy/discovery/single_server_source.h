// The topology of one server: it owns all slots, and whoever follows it is its replica.
//
// Runs on the cluster thread's loop, one round at a time, rounds no closer than minInterval, with jitter. A
// quiet round asks the master alone. If that does not answer as one, or if the round is urgent, the seeds are
// asked as well, and whoever a replica among them follows: the one that says it is a master is taken, but
// another one than before only when that one has had its say. With sentinels (sentinelName) they
// name the master, and it has to agree; of two answers the one with the higher epoch counts, and back to a
// master that has been replaced leads a higher one only. Since sentinels may move a master that is well, one
// of them is asked every second.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/discovery/node_query.h"
#include "proxy/discovery/sentinel_answer.h"
#include "proxy/discovery/server_role.h"
#include "proxy/discovery/topology_source.h"
#include "proxy/net/loop.h"

namespace slotless::discovery {

class SingleServerSource final : public TopologySource {
 public:
  SingleServerSource(net::Loop& loop, RefreshSettings settings, TopologyEvents events,
                     std::uint32_t randomSeed);
  ~SingleServerSource() override;

  void start() override;
  void setSettings(RefreshSettings settings) override;
  void request(bool urgent) override;
  const cluster::Topology& current() const noexcept { return *current_; }

 private:
  // A server that calls itself a master.
  struct Found {
    net::Address address;
    ServerRole role;
    std::string version;
  };
  using Ask = void (SingleServerSource::*)(const net::Address&, const QueryResult&);

  bool usesSentinels() const noexcept { return !settings_.sentinelName.empty(); }
  void schedule(net::Millis delay);
  net::Millis jittered(net::Millis delay);
  void beginRound();
  void endRound(bool answered);

  void askSentinels(std::size_t width);
  void onSentinel(const net::Address& sentinel, const QueryResult& result);
  bool isNewer(const SentinelAnswer& answer) const;
  void follow(const SentinelAnswer& answer);
  void endSentinels();
  void noteLogin(const std::string& error);

  void askServers(bool all);
  void onServer(const net::Address& server, const QueryResult& result);
  void judge(const net::Address& server, const QueryResult& result);
  void onMaster(Found found);
  void onReplica(const net::Address& server, const ServerRole& role);
  void settleServers();
  void accept(Found found);

  void ask(const net::Address& address, const upstream::Access& access,
           const std::vector<std::vector<std::string_view>>& questions, Ask answered);
  void fail(const net::Address& address, const std::string& error) { events_.failed(address, error); }
  std::optional<net::Address> master() const;

  net::Loop& loop_;
  RefreshSettings settings_;
  TopologyEvents events_;
  std::minstd_rand random_;
  cluster::TopologyPtr current_ = std::make_shared<const cluster::Topology>();
  std::unique_ptr<net::Timer> timer_;
  net::TimePoint lastBegin_{};
  net::TimePoint nextBegin_{};
  std::map<net::Address, std::unique_ptr<NodeQuery>> queries_;  // of this round, unanswered
  std::map<net::Address, std::unique_ptr<NodeQuery>> kept_;     // to sentinels, for the next round
  std::set<net::Address> asked_;                                // in this round
  std::optional<Found> rival_;  // another master than the one that is known, which has not answered yet
  std::vector<net::Address> sentinels_;
  std::optional<SentinelAnswer> named_;  // by this round's sentinels
  // What sentinels have been believed: the epoch, and whom it has replaced.
  std::uint64_t epoch_ = 0;
  std::optional<net::Address> replaced_;
  net::TimePoint masterSeen_{};  // the last time that it has answered itself
  int failedRounds_ = 0;
  bool sentinelsWantPassword_ = false;
  bool inRound_ = false;
  bool urgent_ = false;  // the next round
  bool urgentRound_ = false;
  bool wanted_ = false;
  bool all_ = false;  // everybody has been asked in this round
};

}  // namespace slotless::discovery
