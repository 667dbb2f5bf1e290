#include "stage.h"

#include <algorithm>
#include <exception>

#include "protocol/slot.h"
#include "proxy/net/heap_account.h"
#include "proxy/telemetry/log.h"

namespace slotless::test {

namespace {

constexpr std::uint16_t kFirstPort = 7001;
constexpr std::size_t kAllNodes = kNodes + 1;

// Of the three usual ranges of slots, which node has which.
std::size_t rangeOwner(std::size_t slot) {
  if (slot <= 5460) return 2;
  return slot <= 10922 ? 3 : 1;
}

}  // namespace

std::size_t FakeControl::tellWorkers(const session::WorkerTask& task) {
  for (std::size_t i = 0; i < workers->size(); ++i)
    loop->post([this, task, i] { (*workers)[i]->perform(task, i); });
  return workers->size();
}

std::size_t FakeControl::memoryInUse() const {
  if (!heapAtStart) return workers == nullptr ? 0 : workers->front()->heldBytes();
  const std::size_t bytes = net::heapBytes();
  return bytes > *heapAtStart ? bytes - *heapAtStart : 0;
}

Stage::Stage() {
  config.writeOnLostLink = config::WriteOnLostLink::Error;  // so that a test sees what was ambiguous
  config.databases = 1;  // what the others add is told apart in databases_test.cpp
  log::setLevel(log::Level::Error);
  for (std::size_t i = 0; i < kAllNodes; ++i) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + i);
    nodes_.push_back(std::make_unique<FakeNode>(*this, net::Address{"10.0.0.1", port}));
  }
  loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
    for (const auto& node : nodes_) {
      if (node->address() == connection->peer()) node->onConnect(connection);
    }
  };
}

Stage::~Stage() {
  if (!workers_.empty() && std::uncaught_exceptions() == 0) checkNothingIsLeft();
}

cluster::Topology Stage::initialTopology() const {
  cluster::Topology topology;
  for (std::size_t i = 0; i < kNodes; ++i) {
    topology.nodes.push_back({"node" + std::to_string(i + 1), nodes_[i]->address(), true, 1, {}});
  }
  for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    topology.owners[slot] = static_cast<cluster::NodeIndex>(rangeOwner(slot) - 1);
  }
  return topology;
}

void Stage::start() {
  if (!workers_.empty()) return;
  control.loop = &loop;
  control.workers = &workers_;
  control.metrics = &metrics_;
  for (std::size_t i = 0; i < workers; ++i) {
    metrics_.push_back(std::make_unique<telemetry::WorkerMetrics>(
        protocol::CommandTable::builtIn()->idCount(), config.databases));
    workers_.push_back(std::make_unique<worker::Worker>(loop, config, control, *metrics_.back(), 42U));
  }
  topology_ = std::make_shared<const cluster::Topology>();
  publish(initialTopology());
}

worker::Worker& Stage::worker(std::size_t index) {
  start();
  return *workers_.at(index);
}

void Stage::publish(cluster::Topology topology) {
  topology.version = topology_->version + 1;
  topology_ = std::make_shared<const cluster::Topology>(std::move(topology));
  for (const auto& worker : workers_) worker->setTopology(topology_);
  settle();
}

cluster::NodeIndex Stage::indexOf(const cluster::Topology& topology, std::size_t number) {
  const auto index = topology.find(node(number).address());
  return index ? *index : cluster::kNoNode;
}

std::size_t Stage::firstOwner(std::string_view key) {
  return rangeOwner(protocol::slotOf(key));
}

void Stage::giveSlot(std::string_view key, std::size_t number) {
  start();
  cluster::Topology next = *topology_;
  next.owners[protocol::slotOf(key)] = number == 0 ? cluster::kNoNode : indexOf(next, number);
  publish(std::move(next));
}

void Stage::addNode(std::size_t number, const std::string& host) {
  start();
  cluster::Topology next = *topology_;
  net::Address address = node(number).address();
  if (!host.empty()) address.host = host;
  next.nodes.push_back({"node" + std::to_string(number), address, true, 1, {}});
  publish(std::move(next));
}

void Stage::replaceNode(std::size_t gone, std::size_t successor) {
  start();
  cluster::Topology next = *topology_;
  cluster::Node& entry = next.nodes.at(indexOf(next, gone));
  entry.address = node(successor).address();
  publish(std::move(next));
}

void Stage::giveAllSlots(std::size_t from, std::size_t to) {
  start();
  cluster::Topology next = *topology_;
  std::replace(next.owners.begin(), next.owners.end(), indexOf(next, from), indexOf(next, to));
  publish(std::move(next));
}

void Stage::promote(std::size_t replica, std::size_t master) {
  start();
  cluster::Topology next = *topology_;
  cluster::Node& former = next.nodes.at(indexOf(next, master));
  former.replicas.clear();
  next.nodes.at(indexOf(next, replica)).master = true;
  std::replace(next.owners.begin(), next.owners.end(), indexOf(next, master), indexOf(next, replica));
  publish(std::move(next));
}

void Stage::addReplica(std::size_t number, std::size_t master) {
  addFollower(number, master, &cluster::Node::replicas);
}

void Stage::addJoiningReplica(std::size_t number, std::size_t master) {
  addFollower(number, master, &cluster::Node::joining);
}

void Stage::addFollower(std::size_t number, std::size_t master,
                        std::vector<cluster::NodeIndex> cluster::Node::*list) {
  start();
  cluster::Topology next = *topology_;
  auto replica = next.find(node(number).address());
  if (!replica) {
    replica = static_cast<cluster::NodeIndex>(next.nodes.size());
    next.nodes.push_back({"node" + std::to_string(number), node(number).address(), false, 1, {}});
  }
  next.nodes[*replica].master = false;
  (next.nodes.at(indexOf(next, master)).*list).push_back(*replica);
  publish(std::move(next));
}

void Stage::confirmTopology() {
  worker().confirmTopology();
  settle();
}

std::string Stage::moved(std::string_view key, std::size_t number) {
  return "-MOVED " + std::to_string(protocol::slotOf(key)) + " " + node(number).address().text() + "\r\n";
}

std::string Stage::ask(std::string_view key, std::size_t number) {
  return "-ASK " + std::to_string(protocol::slotOf(key)) + " " + node(number).address().text() + "\r\n";
}

std::shared_ptr<FakeConnection> Stage::connectClient(std::size_t worker) {
  start();
  const std::uint64_t id = nextClientId_++;
  auto connection = loop.incoming({clientHost, static_cast<std::uint16_t>(40000 + id)});
  workers_.at(worker)->adopt(connection->descriptor(), id, listener);
  return connection;
}

FakeClient& Stage::addClient(std::size_t worker) {
  moreClients_.push_back(std::make_unique<FakeClient>(*this, worker));
  return *moreClients_.back();
}

void Stage::settle() {
  start();
  bool busy = true;
  while (busy) {
    loop.settle();
    busy = false;
    for (const auto& node : nodes_) busy = node->serve() || busy;
  }
}

void Stage::Clock::advance(net::Millis duration) {
  stage.settle();
  const net::TimePoint end = stage.loop.now() + duration;
  for (net::TimePoint next = stage.loop.nextTimer(); next <= end; next = stage.loop.nextTimer()) {
    stage.loop.advance(std::chrono::duration_cast<net::Millis>(next - stage.loop.now()));
    stage.settle();
  }
  stage.loop.advance(std::chrono::duration_cast<net::Millis>(end - stage.loop.now()));
  stage.settle();
}

void Stage::checkNothingIsLeft() {
  settle();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    INFO("node " << i + 1);
    CHECK(nodes_[i]->unexpected() == 0);
  }
  std::vector<FakeClient*> clients = {&client, &other};
  for (const auto& more : moreClients_) clients.push_back(more.get());
  std::size_t connected = 0;
  for (FakeClient* each : clients) {
    if (!each->everConnected()) continue;
    ++connected;
    CHECK(shown(each->connection().written()) == "");
    if (!each->connection().closed()) each->resets();
  }
  for (const auto& node : nodes_) node->refusesConnections();
  for (const auto& connection : loop.openConnections()) connection->reset();
  settle();
  CHECK(control.clientsGone == connected);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    INFO("worker " << i);
    checkNothingIsLeftAt(*workers_[i], *metrics_[i]);
  }
}

void Stage::checkNothingIsLeftAt(worker::Worker& worker, const telemetry::WorkerMetrics& metrics) {
  CHECK(worker.clientCount() == 0);
  CHECK(worker.requestsInUse() == 0);
  CHECK(worker.blocks().bytesInUse() == 0);
  CHECK(metrics.clients.value() == 0);
  CHECK(metrics.inFlightRequests.value() == 0);
  CHECK(metrics.heldRequests.value() == 0);
  CHECK(metrics.heldBytes.value() == 0);
  CHECK(metrics.blockedClients.value() == 0);
  CHECK(metrics.delayedClients.value() == 0);
  CHECK(metrics.transactionLeases.value() == 0);
  CHECK(metrics.blockingLeases.value() == 0);
  CHECK(metrics.trackingLeases.value() == 0);
  CHECK(metrics.loneLeases.value() == 0);
  CHECK(metrics.trackingClients.value() == 0);
  CHECK(metrics.subscriptions.value() == 0);
  CHECK(metrics.upstreamSubscriptions.value() == 0);
  CHECK(metrics.monitors.value() == 0);
  CHECK(metrics.paused.value() == 0);
  metrics.forEachNode([](const telemetry::NodeMetrics& node) { CHECK(node.inFlight.value() == 0); });
}

}  // namespace slotless::test
