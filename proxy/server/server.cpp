#include "proxy/server/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <map>
#include <random>

#include "config/endpoint.h"
#include "config/listener.h"
#include "config/upstream.h"
#include "protocol/command_table.h"
#include "proxy/console/order_kinds.h"
#include "proxy/discovery/single_server_source.h"
#include "proxy/discovery/topology_refresher.h"
#include "proxy/net/heap_account.h"
#include "proxy/net/tcp_options.h"
#include "proxy/server/descriptor_limit.h"
#include "proxy/server/endpoints.h"
#include "proxy/server/place.h"
#include "proxy/server/service_manager.h"
#include "proxy/server/source_with_peers.h"
#include "proxy/server/user_check.h"
#include "proxy/telemetry/log.h"
#include "proxy/telemetry/process_stats.h"
#include "proxy/upstream/outside_cluster.h"

namespace slotless::server {

namespace {

// To other proxies: from the start, so that leases do not come to need their descriptors.
constexpr std::uint64_t kPeerConnections = 2;
constexpr std::string_view kMaxClients = "-ERR max number of clients reached\r\n";
// How often memory that is free is looked for.
constexpr net::Millis kTideInterval{1000};

int clientKeepalive(const config::Config& config) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(config.tcpKeepalive).count());
}

// Two sources number theirs each from 1 on.
cluster::TopologyPtr renumbered(const cluster::Topology& topology, std::uint64_t version) {
  auto copy = std::make_shared<cluster::Topology>(topology);
  copy->version = version;
  return copy;
}

config::Config inForce(const config::Config& loaded) {
  return loaded.side ? config::forSide(loaded, *loaded.side) : loaded;
}

}  // namespace

Server::Server(config::Config config, Reader reader, PassedOn passedOn, Invocation invocation,
               std::shared_ptr<const config::OriginBook> originBook, SideRecord sideRecord)
    : loaded_(std::move(config)),
      config_(std::make_shared<const config::Config>(inForce(loaded_))),
      reader_(std::move(reader)),
      passedOn_(std::move(passedOn)),
      invocation_(std::move(invocation)),
      databases_(std::make_shared<const databases::Databases>(*config_)),
      tlsError_(certificates_.open(config::forBothSides(loaded_))),
      sideRecord_(std::move(sideRecord)),
      originBook_(std::move(originBook)) {
  takeOrigins({});
  upstream::setOutsideCluster(config::servesOneServer(*config_));
  const std::uint64_t limit = raiseDescriptorLimit();
  clientDescriptors_ = limit - std::min(limit, keptDescriptors(limit) / 2 - kPeerConnections);
  std::random_device random;
  for (std::size_t i = 0; i < config_->workers; ++i) {
    workers_.push_back(
        std::make_unique<WorkerThread>(*config_, *this, i, static_cast<std::uint32_t>(random())));
  }
}

Server::~Server() = default;

std::optional<std::string> Server::run() {
  if (tlsError_) return tlsError_;
  prepareStatusPage();
  const bool succeeds = passedOn_.predecessor >= 0;
  if (!succeeds) {
    if (auto error = openAll()) return error;
  }
  signals_ = net::Signals::watch(loop_, {SIGTERM, SIGINT, SIGHUP, SIGUSR2},
                                 [this](int signal) { onSignal(signal); });
  shutdownTimer_ = loop_.makeTimer([this] {
    log::warn("shutdown timeout reached", {{"clients", clients_.load()}});
    finishShutdown();
  });
  hurryTimer_ = loop_.makeTimer([this] {
    for (const auto& worker : workers_) worker->post([](worker::Worker& draining) { draining.hurry(); });
  });
  tideTimer_ = loop_.makeTimer([this] { watchTide(); });
  tideTimer_->start(kTideInterval);
  heapAtStart_ = net::heapBytes();
  certificates_.start();
  for (const auto& worker : workers_) worker->start();
  startLearner();
  startCarrier();
  startCounter();
  startCredentials(static_cast<std::uint32_t>(std::random_device()()));
  startCutOver();
  cluster_.start();
  if (succeeds) {
    awaitReadiness();
  } else {
    log::info("slotless ready to accept clients", {{"workers", workers_.size()}, {"pid", getpid()}});
    tellServiceManager("READY=1");
  }
  loop_.run();
  reading_.reset();
  passwordFile_.reset();
  clientPasswordFile_.reset();
  credentials_.reset();
  successor_.reset();
  admin_.reset();
  sampler_.reset();
  certificates_.stop();
  cluster_.stop();
  if (cutOver_ != nullptr) sideRecord_.leave(cutOver_->process());
  cutOver_.reset();
  standby_.reset();
  refresher_.reset();
  counter_.reset();
  survey_.reset();
  carrier_.reset();
  learner_.reset();
  // First all of them stop: they write to one another's mailboxes.
  for (const auto& worker : workers_) worker->stop();
  errands_.wait();
  workers_.clear();
  log::info("bye");
  return std::nullopt;
}

std::optional<std::string> Server::openAll() {
  if (auto error = openListeners()) return error;
  if (auto error = openAdmin()) return error;
  if (config_->pidFile.empty()) return std::nullopt;
  const std::string error = pidFile_.write(config_->pidFile);
  if (error.empty()) return std::nullopt;
  return "cannot write the pid file " + config_->pidFile + ": " + error;
}

std::optional<std::string> Server::openListeners() {
  std::vector<net::ListeningSocket>& passedOn = passedOn_.sockets;
  for (std::size_t i = 0; i < passedOn.size(); ++i) listenOn(std::move(passedOn[i]), i);
  if (!passedOn.empty()) return std::nullopt;
  const int backlog = static_cast<int>(config_->tcpBacklog);
  for (std::size_t i = 0; i < config_->listen.size(); ++i) {
    const config::Listener& endpoint = config_->listen[i];
    std::string error;
    net::ListeningSocket socket =
        endpoint.isUnix() ? net::ListeningSocket::local(
                                endpoint.path, static_cast<mode_t>(config_->unixSocketMode), backlog, error)
                          : net::ListeningSocket::tcp(addressOf(endpoint), backlog, error);
    if (!socket) return "cannot listen on " + config::formatEndpoint(endpoint) + ": " + error;
    listenOn(std::move(socket), i);
  }
  return std::nullopt;
}

void Server::listenOn(net::ListeningSocket socket, std::size_t listener) {
  config::ListenerOptions options = config_->listen[listener].options;
  if (config::usesTls(*config_, {endpointOf(socket), options})) options.tls = true;
  const std::string name = config::formatListen({endpointOf(socket), options});
  net::tuneTcp(socket.descriptor(), clientKeepalive(*config_));
  listeners_.push_back(net::Listener::on(
      loop_, std::move(socket), [this, listener](int descriptor) { onAccepted(descriptor, listener); },
      [this, listener](int descriptor) { refuseClient(descriptor, "no descriptor is left", listener); }));
  log::always(log::Level::Info, "listening", {{"address", name}});
}

void Server::tuneListeners() {
  for (const auto& listener : listeners_)
    net::tuneTcp(listener->socket().descriptor(), clientKeepalive(*config_));
}

void Server::startRefresher(discovery::RefreshSettings settings) {
  discovery::TopologyEvents events;
  events.changed = [this](cluster::TopologyPtr topology) { publish(std::move(topology)); };
  events.confirmed = [this] {
    const std::lock_guard guard(sharedMutex_);
    confirmedAt_ = std::chrono::steady_clock::now();
    for (const auto& worker : workers_) worker->post([](worker::Worker& w) { w.confirmTopology(); });
  };
  events.failed = [this](const net::Address& node, const std::string& error) {
    static log::RateLimit limit(2);
    log::write(limit, loop_.now(), log::Level::Warn, "topology not learned",
               {{"node", node.text()}, {"error", error}});
  };
  // By one worker, which asks all of them.
  const auto carryOut = [this](const pubsub::PeerOrder& order, std::size_t room,
                               const pubsub::PeerAnswered& done) {
    net::Loop* home = &cluster_.loop();
    tellWorkers([=](session::Services& services, std::size_t worker) {
      if (worker != 0) return;
      session::carryOut(services, order, 0, room, [home, done](pubsub::PeerAnswer answer) {
        auto kept = std::make_shared<pubsub::PeerAnswer>(std::move(answer));
        home->post([done, kept] { done(std::move(*kept)); });
      });
    });
  };
  auto peers = std::make_unique<peers::Peers>(
      cluster_.loop(), census_, peers::Self{peers::newProcessId(), placeOf(*config()), SLOTLESS_VERSION},
      peers::Peers::Hooks{[this] { return config()->peers; },
                          [this] { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, clients_)); },
                          [this] { return net::Millis(config()->reauthInterval); }, carryOut});
  const bool oneServer = config::servesOneServer(*config());
  const auto make = [this, oneServer](
                        discovery::RefreshSettings refresh,
                        discovery::TopologyEvents told) -> std::unique_ptr<discovery::TopologySource> {
    const auto seed = static_cast<std::uint32_t>(getpid());
    if (oneServer) {
      return std::make_unique<discovery::SingleServerSource>(cluster_.loop(), std::move(refresh),
                                                             std::move(told), seed);
    }
    return std::make_unique<discovery::TopologyRefresher>(cluster_.loop(), std::move(refresh),
                                                          std::move(told), seed);
  };
  refresher_ =
      std::make_unique<SourceWithPeers>(std::move(peers), std::move(settings), std::move(events), make);
  refresher_->start();
}

void Server::publish(cluster::TopologyPtr topology) {
  if (config()->side) topology = renumbered(*topology, ++topologyVersion_);
  const auto masters = std::count_if(topology->nodes.begin(), topology->nodes.end(),
                                     [](const cluster::Node& node) { return node.master; });
  log::info("topology changed", {{"version", topology->version},
                                 {"masters", masters},
                                 {"nodes", topology->nodes.size()},
                                 {"slots", topology->slotsCovered()}});
  {
    const std::lock_guard guard(sharedMutex_);
    topology_ = topology;
  }
  chronicle_.noteTopology(topology);
  std::vector<net::Address> present;
  for (const cluster::Node& node : topology->nodes) present.push_back(node.address);
  denials().keepOnly(present);
  for (const auto& worker : workers_)
    worker->post([topology](worker::Worker& w) { w.setTopology(topology); });
  learner_->setTopology(*topology);
  carrier_->setTopology(*topology);
  if (counter_ != nullptr) counter_->setTopology(topology);
  if (survey_ != nullptr) survey_->setTopology(topology);
}

void Server::startLearner() {
  discovery::CommandLearner::Events events;
  events.learned = [this](const discovery::CommandTablePtr& commands,
                          const std::set<discovery::ServerBuild>& builds) {
    publishCommands(commands, builds);
    commandsSettled_ = true;
  };
  events.untold = [this](const std::set<discovery::ServerBuild>& builds) {
    tellWorkersCommands(protocol::CommandTable::builtIn(), builds);
  };
  events.refused = [this](const net::Address& node, const discovery::ServerBuild& build,
                          const std::string& error) {
    commandsSettled_ = true;
    log::warn("commands not told, the built-in ones stay",
              {{"node", node.text()}, {"server", build.text()}, {"error", error}});
  };
  events.failed = [this](const net::Address& node, const std::string& error) {
    commandsSettled_ = true;  // it is tried again, but who knows when
    static log::RateLimit limit(2);
    log::write(limit, loop_.now(), log::Level::Warn, "commands not learned",
               {{"node", node.text()}, {"error", error}});
  };
  learner_ = std::make_unique<discovery::CommandLearner>(cluster_.loop(), learnSettings(), std::move(events));
}

void Server::publishCommands(const discovery::CommandTablePtr& commands,
                             const std::set<discovery::ServerBuild>& builds) {
  std::string servers;
  for (const discovery::ServerBuild& build : builds) servers += (servers.empty() ? "" : ", ") + build.text();
  log::info("commands learned", {{"commands", commands->commands().size()}, {"servers", servers}});
  warnOfUnknownNames(roster(), *config(), *commands);
  tellWorkersCommands(commands, builds);
}

void Server::tellWorkersCommands(const discovery::CommandTablePtr& commands,
                                 const std::set<discovery::ServerBuild>& builds) {
  const cluster::ServerIdentity identity = discovery::identityOf(builds);
  for (const auto& worker : workers_)
    worker->post([commands, identity](worker::Worker& w) { w.setCommands(commands, identity); });
}

void Server::startCarrier() {
  discovery::SettingsCarrier::Events events;
  events.carried = [](const net::Address& node, std::size_t settings) {
    log::info("settings carried to a node", {{"node", node.text()}, {"settings", settings}});
  };
  events.refused = [](const net::Address& node, const std::string& setting, const std::string& error) {
    log::warn("setting not carried to a node",
              {{"node", node.text()}, {"setting", setting}, {"error", error}});
  };
  events.failed = [this](const net::Address& node, const std::string& error) {
    static log::RateLimit limit(2);
    log::write(limit, loop_.now(), log::Level::Warn, "settings not carried yet",
               {{"node", node.text()}, {"error", error}});
  };
  carrier_ =
      std::make_unique<discovery::SettingsCarrier>(cluster_.loop(), carrierSettings(), std::move(events));
}

void Server::rememberSettings(const session::SettingPairs& settings, std::uint64_t topologyVersion,
                              Taken taken) {
  // One server that is started again, or succeeded, has the settings that it would have without the proxy.
  if (config::servesOneServer(*config())) return;
  carries_.store(true, std::memory_order_relaxed);
  cluster_.loop().post([this, settings, topologyVersion, taken] {
    if (carrier_ == nullptr) return;
    carrier_->remember(settings, topologyVersion);
    if (taken == Taken::BySome) carrier_->giveAll();
  });
}

void Server::nodeConnected(const net::Address& node) {
  if (!carries_.load(std::memory_order_relaxed)) return;
  cluster_.loop().post([this, node] {
    if (carrier_ != nullptr) carrier_->lookAt(node);
  });
}

void Server::onAccepted(int descriptor, std::size_t listener) {
  if (clients_.load(std::memory_order_relaxed) >= static_cast<std::int64_t>(config_->maxClients))
    return refuseClient(descriptor, "max-clients", listener);
  // The system gives the lowest number that is free, so this many are in use, those of leases among them.
  if (static_cast<std::uint64_t>(descriptor) >= clientDescriptors_)
    return refuseClient(descriptor, "the other descriptors are for nodes and probes", listener);
  clients_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t id = ++lastClientId_;
  workers_[nextWorker_++ % workers_.size()]->post(
      [descriptor, id, listener](worker::Worker& worker) { worker.adopt(descriptor, id, listener); });
}

// Best effort, as Redis: a client that cannot take the error at once does not get it, nor does one that would
// need a handshake first.
void Server::refuseClient(int descriptor, std::string_view reason, std::size_t listener) {
  static log::RateLimit often(1);
  log::write(often, loop_.now(), log::Level::Warn, "client refused",
             {{"reason", reason}, {"clients", clients_.load()}, {"limit", config_->maxClients}});
  const std::string_view text =
      config::usesTls(*config_, config_->listen[listener]) ? std::string_view() : kMaxClients;
  static_cast<void>(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  // Unread bytes would turn the end into a reset, which may destroy the error.
  ::shutdown(descriptor, SHUT_WR);
  std::array<char, 4096> unread;
  static_cast<void>(::recv(descriptor, unread.data(), unread.size(), MSG_DONTWAIT));
  ::close(descriptor);
  telemetry::WorkerMetrics& metrics = workers_.front()->metrics();
  metrics.clientsRejected.add();
  metrics.limits[static_cast<std::size_t>(telemetry::Limit::MaxClients)].add();
}

void Server::refreshTopology(bool urgent) {
  if (urgent) refreshUrgent_.store(true, std::memory_order_relaxed);
  if (refreshPosted_.exchange(true)) return;  // one message under way is enough
  cluster_.loop().post([this] {
    refreshPosted_.store(false);
    if (refresher_ != nullptr) refresher_->request(refreshUrgent_.exchange(false));
  });
}

void Server::onSignal(int signal) {
  log::info("signal received", {{"signal", signal}});
  if (signal == SIGHUP) return reload();
  if (signal == SIGUSR2) return upgrade();
  if (std::exchange(toldToEnd_, true)) return finishShutdown();  // the second time: at once
  beginShutdown();
}

void Server::beginShutdown() {
  stopping_.store(true);
  const bool handedOver = successor_ != nullptr && successor_->ready();
  if (!handedOver) {
    successor_.reset();
    tellServiceManager("STOPPING=1");
  }
  listeners_.clear();
  drain(config_->shutdownTimeout);
}

void Server::drain(config::Milliseconds time) {
  shutdownTimer_->start(time);
  hurryTimer_->start(time / 2);
  if (std::exchange(draining_, true)) return;
  undrained_ = workers_.size();
  for (const auto& worker : workers_) {
    worker->post([this](worker::Worker& draining) {
      draining.drain([this] {
        loop_.post([this] {
          if (--undrained_ == 0) finishShutdown();
        });
      });
    });
  }
}

void Server::finishShutdown() {
  shutdownTimer_->stop();
  hurryTimer_->stop();
  takeOverTimer_.reset();
  signals_.reset();
  loop_.stop();
}

std::size_t Server::tellWorkers(const session::WorkerTask& task) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->post([task, i](worker::Worker& worker) { worker.perform(task, i); });
  }
  return workers_.size();
}

void Server::visitMetrics(const std::function<void(const telemetry::WorkerMetrics&)>& visit) const {
  for (const auto& worker : workers_) visit(worker->metrics());
}

session::ProcessFacts Server::facts() const {
  session::ProcessFacts facts;
  for (const auto& worker : workers_) {
    const telemetry::WorkerMetrics& metrics = worker->metrics();
    facts.blockedClients += metrics.blockedClients.value();
    facts.trackingClients += metrics.trackingClients.value();
    facts.clientsAccepted += metrics.clientsAccepted.value();
    facts.clientsRejected += metrics.clientsRejected.value();
    facts.bytesReceived += metrics.bytesReceived.value();
    facts.bytesSent += metrics.bytesSent.value();
    for (const telemetry::CommandMetrics& command : metrics.commands()) {
      facts.requests += command.requests.value();
      facts.errors += command.errors.value();
    }
  }
  facts.clients = clients_.load(std::memory_order_relaxed);
  facts.uptimeSeconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_).count();
  const telemetry::ResidentMemory memory =
      telemetry::readResidentMemory().value_or(telemetry::ResidentMemory{});
  facts.residentBytes = memory.bytes;
  facts.programBytes = memory.fileBytes;
  facts.heapBytes = net::heapBytes();
  facts.scriptBytes = scripts().bytes();
  return facts;
}

std::size_t Server::memoryInUse() const {
  const std::size_t bytes = net::heapBytes();
  return bytes > heapAtStart_ ? bytes - heapAtStart_ : 0;
}

void Server::aside(std::function<void()> work, net::Loop& loop, std::function<void()> done) {
  errands_.run(std::move(work), loop, std::move(done));
}

void Server::watchTide() {
  watchTls();
  tide_.note(net::heapBytes(), net::takeHeapPeakBytes(), loop_.now());
  tideTimer_->start(kTideInterval);
}

}  // namespace slotless::server
