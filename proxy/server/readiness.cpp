// The admin pages, and what they ask of the server: is it ready, what is known of the cluster.
#include <algorithm>
#include <map>

#include "config/endpoint.h"
#include "config/listener.h"
#include "protocol/command_ids.h"
#include "proxy/pubsub/census.h"
#include "proxy/server/server.h"
#include "proxy/telemetry/admin_site.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {
// Longer than any turn that ends by itself.
constexpr net::Millis kStuckAfter{5000};
// A node that is silent for a moment may only be busy, and is no reason to take this proxy out of service.
constexpr std::chrono::seconds kSilentTooLong{5};

bool silentTooLong(const telemetry::NodeMetrics& node) {
  const std::chrono::milliseconds since{node.silentSince.value()};
  return since.count() != 0 && std::chrono::steady_clock::now().time_since_epoch() - since >= kSilentTooLong;
}

std::optional<telemetry::PeerFacts> peerFacts(const pubsub::Census& census) {
  const pubsub::PeerReportPtr report = census.peers();
  if (report == nullptr || !report->isOn) return std::nullopt;
  return telemetry::PeerFacts{report->others.size(), report->hears,  report->said,
                              report->heard,         report->unread, report->vanished};
}

}  // namespace

std::optional<std::string> Server::openAdmin() {
  if (!config_->adminListen) return std::nullopt;
  telemetry::AdminPages pages;
  pages.metrics = [sources = metricsSources()] { return telemetry::renderMetrics(sources); };
  pages.whyNotReady = [this] { return whyNotReady(); };
  pages.whyNotAlive = [this] { return whyNotAlive(); };
  pages.site = makeStatusPage();
  auto started = telemetry::AdminHttp::start(config_->adminListen->host, config_->adminListen->port,
                                             std::move(pages), certificates_.forAdmin());
  if (started.server == nullptr) {
    return "cannot serve admin HTTP on " + config::formatEndpoint(*config_->adminListen) + ": " +
           started.error;
  }
  admin_ = std::move(started.server);
  const bool encrypted = config::adminUsesTls(*config_);
  log::info(encrypted ? "admin HTTPS listening" : "admin HTTP listening", {{"address", admin_->address()}});
  return std::nullopt;
}

// Slots whose owner has a link that is ready, on some worker, or that can have one: no link to it is missed.
// Links that nobody needs are not there, and say nothing. None may have been silent for too long, on any
// worker. `silent`: the names of those that have.
std::size_t Server::slotsReachable(const cluster::Topology& topology, std::string& silent) const {
  struct Reach {
    bool ready = false;
    bool missing = false;
    bool silent = false;
  };
  std::map<std::string, Reach, std::less<>> reaches;
  for (const auto& worker : workers_) {
    worker->metrics().forEachNode([&](const telemetry::NodeMetrics& node) {
      const auto state = static_cast<telemetry::LinkState>(node.state.value());
      Reach& reach = reaches[node.node];
      reach.ready |= state == telemetry::LinkState::Ready || state == telemetry::LinkState::Silent ||
                     state == telemetry::LinkState::Draining;
      reach.missing |= node.missing.value() != 0;
      reach.silent |= silentTooLong(node);
    });
  }
  for (const auto& [name, reach] : reaches) {
    if (reach.silent) silent += (silent.empty() ? "" : ", ") + name;
  }
  // Until the workers have begun to make them.
  const bool isMissedAtFirst = config()->linksWarmUp;
  std::vector<bool> reachable;
  for (const cluster::Node& node : topology.nodes) {
    const auto found = reaches.find(node.address.text());
    reachable.push_back(found == reaches.end()
                            ? !isMissedAtFirst
                            : !found->second.silent && (found->second.ready || !found->second.missing));
  }
  return static_cast<std::size_t>(
      std::count_if(topology.owners.begin(), topology.owners.end(),
                    [&](cluster::NodeIndex owner) { return owner != cluster::kNoNode && reachable[owner]; }));
}

std::optional<std::string> Server::whyNotReady() const {
  if (stopping_.load()) return "shutting down";
  const bool paused = std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return std::as_const(*worker).metrics().paused.value() > 0;
  });
  if (paused) return "paused by PROXY PAUSE";
  cluster::TopologyPtr topology;
  {
    const std::lock_guard guard(sharedMutex_);
    topology = topology_;
  }
  const net::TlsCounts::Trouble trouble = net::TlsCounts::ofProcess().trouble(net::TlsSide::Nodes);
  const std::string why = TlsTroubleWatch::isFresh(trouble, std::chrono::steady_clock::now())
                              ? "; " + trouble.peer + ": " + trouble.text
                              : std::string();
  if (topology == nullptr) return "the cluster's topology is not known yet" + why;
  std::string silent;
  const std::size_t reachable = slotsReachable(*topology, silent);
  const bool ready =
      config()->readyWhen == config::ReadyWhen::Any ? reachable > 0 : reachable == protocol::kSlotCount;
  // Until then clients would be answered as by other servers.
  if (ready && !commandsSettled_) return "which servers these are is not known yet";
  if (ready) return std::nullopt;
  return std::to_string(reachable) + " of " + std::to_string(protocol::kSlotCount) +
         " slots have a reachable master" + (silent.empty() ? "" : "; silent: " + silent) + why;
}

// A certificate that is not accepted is not accepted at the next attempt either, a moment later.
void Server::watchTls() {
  const auto trouble = tlsTrouble_.look(net::TlsCounts::ofProcess().trouble(net::TlsSide::Nodes));
  if (!trouble) return;
  log::warn("TLS with a node failed",
            {{"node", trouble->peer}, {"reason", trouble->text}, {"failures", trouble->failures}});
}

// A thread that serves nobody any more is nothing that waiting mends.
std::optional<std::string> Server::whyNotAlive() const {
  std::vector<const net::Heartbeat*> beats{&heartbeat_, &cluster_.heartbeat()};
  for (const auto& worker : workers_) beats.push_back(&worker->heartbeat());
  return net::stuckLoops(beats, std::chrono::steady_clock::now(), kStuckAfter);
}

std::shared_ptr<const config::Config> Server::config() const {
  const std::lock_guard guard(sharedMutex_);
  return config_;
}

std::shared_ptr<const databases::Databases> Server::databases() const {
  const std::lock_guard guard(sharedMutex_);
  return databases_;
}

std::optional<telemetry::TopologyFacts> Server::topologyFacts() const {
  const std::lock_guard guard(sharedMutex_);
  if (topology_ == nullptr) return std::nullopt;
  telemetry::TopologyFacts facts;
  facts.version = topology_->version;
  facts.age =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - confirmedAt_);
  facts.slotsCovered = static_cast<std::uint32_t>(topology_->slotsCovered());
  for (const cluster::Node& node : topology_->nodes) ++(node.master ? facts.masters : facts.replicas);
  return facts;
}

telemetry::MetricsSources Server::metricsSources() const {
  telemetry::MetricsSources sources;
  sources.version = SLOTLESS_VERSION;
  for (const auto& worker : workers_) sources.workers.push_back(&std::as_const(*worker).metrics());
  sources.topology = [this] { return topologyFacts(); };
  sources.memoryInUse = [this] { return static_cast<std::uint64_t>(memoryInUse()); };
  sources.databases = [this] { return databaseFacts(); };
  sources.certificates = [this] { return certificates_.facts(); };
  sources.passwordCommand = [this] { return passwordCommandFacts(); };
  sources.peers = [this] { return peerFacts(census_); };
  sources.commandName = [](std::size_t id) { return protocol::CommandIds::ofProcess().nameOf(id); };
  return sources;
}

}  // namespace slotless::server
