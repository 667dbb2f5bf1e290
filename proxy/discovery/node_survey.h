// Asks all nodes now and then what they say of themselves (INFO, and masters for their open slots), as long
// as somebody wants to know it.
//
// Runs on the cluster thread's loop. A round asks a few nodes at a time, on connections of its own that stay
// for the next round; the larger the cluster, the longer the pause between two rounds. Who has not been
// wanted for kPatience asks nobody, and has no connection. Reports may be read on any thread.
#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "proxy/cluster/node_report.h"
#include "proxy/cluster/topology.h"
#include "proxy/discovery/node_query.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"

namespace slotless::discovery {

struct SurveySettings {
  upstream::Access access;
  net::Millis queryTimeout{2000};
};

class NodeSurvey {
 public:
  using Reports = std::map<std::string, cluster::NodeReport>;  // by "host:port"

  static constexpr net::Millis kPatience{30'000};
  static constexpr net::Millis kInterval{2'000};
  static constexpr net::Millis kIntervalPerNode{50};
  static constexpr std::size_t kAtOnce = 8;
  // Of more nodes CLUSTER NODES is not asked for: each would answer with a line for every other one.
  static constexpr std::size_t kMostForOpenSlots = 100;

  NodeSurvey(net::Loop& loop, SurveySettings settings);
  ~NodeSurvey();

  void setTopology(cluster::TopologyPtr topology);
  // From the next question on, on new connections.
  void setSettings(SurveySettings settings);

  // Any thread. What is known; from now on it is wanted.
  Reports reports();

 private:
  struct Asked {
    std::unique_ptr<NodeQuery> query;
    net::TimePoint since{};
    bool pinged = false;
  };

  void forgetOthers();
  void wake();
  void beginRound();
  void askNext();
  void askOne(const net::Address& node);
  void onPong(const net::Address& node, QueryResult result);
  void onTold(const net::Address& node, bool withSlots, const QueryResult& result);
  void ended(const net::Address& node, const std::string& error);
  bool wanted() const;
  bool isMaster(const net::Address& node) const;

  net::Loop& loop_;
  SurveySettings settings_;
  cluster::TopologyPtr topology_;
  std::deque<net::Address> toAsk_;
  std::map<net::Address, Asked> asked_;  // connections, also those that rest
  std::size_t underWay_ = 0;
  std::unique_ptr<net::Timer> timer_;
  std::atomic<std::int64_t> wantedAtMillis_{0};  // of the steady clock; 0: never
  std::atomic<bool> awake_{false};
  mutable std::mutex mutex_;
  Reports reports_;
};

}  // namespace slotless::discovery
