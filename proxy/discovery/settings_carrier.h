// Carries the settings that CONFIG SET has given to all servers to those that join, or start again, later.
//
// Runs on the cluster thread's loop. A server is known by its run id (INFO server): those that were in the
// topology when a setting was made have got it with the others; one that joins, or comes back with another
// run id, is given all settings, each by a CONFIG SET of its own, since it may not know one of them. The
// settings live as long as the process, like those that CONFIG SET gives to one Redis.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/discovery/node_query.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"

namespace slotless::discovery {

struct CarrierSettings {
  upstream::Access access;
  net::Millis queryTimeout{2000};
  net::Millis retryPause{1000};  // after a server could not be asked
};

class SettingsCarrier {
 public:
  struct Events {
    std::function<void(const net::Address&, std::size_t settings)> carried;
    std::function<void(const net::Address&, const std::string& setting, const std::string& error)> refused;
    std::function<void(const net::Address&, const std::string& error)> failed;
  };

  SettingsCarrier(net::Loop& loop, CarrierSettings settings, Events events);
  ~SettingsCarrier();

  void setTopology(const cluster::Topology& topology);
  // All servers of the topology with this version have taken these.
  void remember(const std::vector<std::pair<std::string, std::string>>& pairs, std::uint64_t topologyVersion);
  // Some may not have taken what has been remembered last: all are given everything once more.
  void giveAll();
  // A connection to it has been made: it may be another process than before.
  void lookAt(const net::Address& node);
  // From the next question on.
  void setSettings(CarrierSettings settings) { settings_ = std::move(settings); }

 private:
  struct Server {
    std::uint64_t joined = 0;  // version of the topology
    std::string runId;         // of the process that has all settings; empty: unknown
    bool hasAll = false;       // whoever it is: its run id is to be learned
    bool wanted = false;       // to be looked at (again)
    bool outdated = false;     // settings have changed while it was given the earlier ones
    std::unique_ptr<NodeQuery> query{};
  };
  using Servers = std::map<net::Address, Server>;

  void look(Servers::value_type& entry);
  void onIdentity(Servers::value_type& entry, const QueryResult& result);
  void give(Servers::value_type& entry, const std::string& runId);
  void onGiven(Servers::value_type& entry, const std::string& runId, const std::vector<std::string>& names,
               const QueryResult& result);
  void fail(Servers::value_type& entry, const std::string& error);
  void lookAtWanted();

  net::Loop& loop_;
  CarrierSettings settings_;
  Events events_;
  std::map<std::string, std::string> values_;  // by name in lower case
  Servers servers_;
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace slotless::discovery
