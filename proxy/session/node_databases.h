// The nodes' own databases (layout native, Valkey 9's cluster-databases): the links that each of them has,
// and whether it may be used.
//
// Which database a request means is a state of its connection, and nothing that may stand in front of a
// request: a node can refuse SELECT and carry out what is behind it. So each database has connections of its
// own, which say SELECT in their greeting; they are made when somebody uses the database, and closed when
// nobody does. Before it is used for the first time every master has to take that SELECT, and there must be
// no keys that another layout has left for it. One per worker; where no database is native, it costs nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/databases/database.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/link_set.h"

namespace slotless::session {

class Client;
class NodeDatabase;
struct Services;

class NodeDatabases {
 public:
  // `settings`: how the proxy itself connects. All of these outlive it; the services are used neither here
  // nor at the end.
  NodeDatabases(Services& services, upstream::LinkHost& host, const upstream::LinkSettings& settings,
                telemetry::WorkerMetrics& metrics, upstream::LeaseBudgets& budgets,
                telemetry::Denials& denials);
  ~NodeDatabases();

  // Requires that the database is native.
  upstream::LinkSet& linksOf(const databases::Database& database);
  bool isOpen(const databases::Database& database) const noexcept;
  enum class Standing : std::uint8_t { Open, Unknown, Refused };
  // Unknown: the client is woken, and is to ask again. Refused: `line` is for the client.
  Standing judge(const Client& client, const databases::Database& database, std::string& line);

  // Nobody uses any of them any more, and they are others from now on. Requires that nothing is under way.
  void forget();
  // Connections are made otherwise than before.
  void useSettings();
  // After that, where the credentials have changed.
  void keepLogins();
  void setTopology(const cluster::TopologyPtr& topology);
  // A link to a node is up, or could not be made, for that reason.
  void onLinkReady(const upstream::Link& link);
  void onLinkLost(const upstream::Link& link, std::string_view reason);

  // As NodeUsers'.
  void endTurn();
  void tend(bool wasHere);
  void tidy();
  void checkReplyTimeouts(net::TimePoint now);
  net::TimePoint::duration silence() const noexcept;
  net::TimePoint::duration leaseSilence() const noexcept;
  std::size_t bytesOpen() const noexcept;
  // `visit(const upstream::LinkSet&)`.
  void forEachSet(const std::function<void(const upstream::LinkSet&)>& visit) const;

 private:
  NodeDatabase& databaseOf(const databases::Database& database);
  NodeDatabase* find(std::uint32_t index) const noexcept;
  upstream::LinkSettings settingsFor(std::uint32_t index) const;

  Services& services_;
  upstream::LinkHost& host_;
  const upstream::LinkSettings& settings_;
  telemetry::WorkerMetrics& metrics_;
  upstream::LeaseBudgets& budgets_;
  telemetry::Denials& denials_;
  std::vector<std::unique_ptr<NodeDatabase>> all_;  // in the order of their first use
  // Of one server, after a cut-over: leases of theirs may still have to be given back.
  std::vector<std::unique_ptr<NodeDatabase>> former_;
};

}  // namespace slotless::session
