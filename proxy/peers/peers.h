// This proxy among the others of its cluster: says once a second what it is and has, hears the others, and
// enters what they have into the census. What it knows is at hand in Census::peers().
//
// Nothing that serves clients waits for it or needs it: without it, or cut off, or where the other side is
// silent, counts are those that this proxy and the nodes have. Orders to other proxies, and theirs, go the
// same way (peer_orders.h). Belongs to the cluster thread's loop. See PeerTable for time and loss.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/cluster/topology.h"
#include "proxy/net/loop.h"
#include "proxy/peers/peer_counts.h"
#include "proxy/peers/peer_line.h"
#include "proxy/peers/peer_orders.h"
#include "proxy/peers/peer_table.h"
#include "proxy/pubsub/census.h"
#include "proxy/pubsub/peer_desk.h"
#include "proxy/pubsub/peer_order.h"
#include "proxy/upstream/access.h"

namespace slotless::peers {

struct Self {
  std::string id;     // its own among all processes
  std::string place;  // for people
  std::string release;
};
// A new one with each call.
std::string newProcessId();

class Peers {
 public:
  struct Hooks {
    std::function<bool()> isOn;
    std::function<std::uint64_t()> clients;
    // As option reauth-interval; 0: never.
    std::function<net::Millis()> reauthInterval;
    // What others have this process do.
    pubsub::CarryOut carryOut = [](const pubsub::PeerOrder&, std::size_t, const pubsub::PeerAnswered&) {};
    std::function<std::int64_t()> unixMillis = [] {
      return std::chrono::duration_cast<net::Millis>(std::chrono::system_clock::now().time_since_epoch())
          .count();
    };
  };

  // `census` outlives it.
  Peers(net::Loop& loop, pubsub::Census& census, Self self, Hooks hooks);
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // The first one begins it.
  void setTopology(cluster::TopologyPtr topology);
  void setAccess(upstream::Access access, net::Millis patience);

 private:
  void beat();
  void speak();
  void sayBeat();
  void sayLater(std::string message);
  void onHeard(std::string_view message);
  void forgetAll();
  void report();
  std::string whyMute() const;
  pubsub::PeerAnswers others() const;
  pubsub::PeerRow rowOf(const std::string& id, const Peer& peer) const;

  net::Loop& loop_;
  pubsub::Census& census_;
  const Self self_;
  const Hooks hooks_;
  PeerTable table_;
  PeerCounts counts_;
  PeerLine line_;
  cluster::TopologyPtr topology_;
  struct Waiting {
    net::TimePoint since;
    std::string message;
  };
  std::deque<Waiting> outbox_;  // orders and answers
  bool isBeatDue_ = false;
  PeerOrders orders_;
  bool isOn_ = false;
  bool tooMany_ = false;
  std::optional<std::size_t> toldTopics_;
  std::optional<net::TimePoint> saidAt_;
  pubsub::PeerReport totals_;  // of the numbers that only grow
  std::unique_ptr<net::Timer> timer_;
  std::unique_ptr<pubsub::PeerDesk::Attendance> attendance_;
};

}  // namespace slotless::peers
