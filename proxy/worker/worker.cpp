#include "proxy/worker/worker.h"

#include <algorithm>
#include <utility>

#include "proxy/console/console_commands.h"
#include "proxy/dispatch/holding.h"
#include "proxy/net/tls_stream.h"
#include "proxy/session/refusal.h"
#include "proxy/session/slowest_client.h"
#include "proxy/telemetry/hot_keys.h"
#include "proxy/telemetry/log.h"
#include "proxy/telemetry/loop_turns.h"

namespace slotless::worker {

using session::Client;
using session::ClientState;
using session::Downstream;
using session::Task;

namespace {

constexpr net::Millis kSlowTick{1000};
constexpr net::Millis kFastTick{50};
// A node that says nothing for so long while somebody waits may have been replaced, and nobody else would
// tell us. The longer time is for commands that block: they are silent by their nature.
constexpr net::Millis kSilence{200};
constexpr net::Millis kBlockedSilence{1000};
constexpr net::Millis kSilenceTick{100};
// Who has not come to look for so long has not come to read answers either: the nodes may have spoken.
constexpr net::Millis kOwnAbsence = 3 * kSilenceTick;
// How often memory that is not needed is looked for.
constexpr net::Millis kTidyInterval{1000};

// A number in a script's SELECT is not the one that the client calls that database by: clients have numbers
// of their own, or the client may stand in one of the nodes' databases, from where 0 leads away.
bool selectsElsewhere(const databases::Databases& databases) {
  return databases.renumbers() || databases.anyNative();
}

// What this worker's agenda is about.
Client& clientOf(Downstream* each) noexcept {
  return static_cast<Client&>(*each);
}

upstream::OpenLinks openLinks(const config::Config& config) {
  return config.linksWarmUp || !session::mayHold(config) ? upstream::OpenLinks::Ahead
                                                         : upstream::OpenLinks::OnDemand;
}

upstream::LeaseBudgets::Counts leaseLimits(const config::Config& config) {
  return {config.leaseMaxTransactions, config.leaseMaxBlocking, config.leaseMaxTracking,
          config.leaseMaxAlone};
}

}  // namespace

Worker::Worker(net::Loop& eventLoop, const config::Config& config, WorkerControl& control,
               telemetry::WorkerMetrics& metrics, std::uint32_t randomSeed)
    : LinkHost(eventLoop, blocks_, scratch_),
      scratch_(kScratchBytes, '\0'),
      config_(config),
      access_{config.username, config.password},
      control_(control),
      metrics_(metrics),
      random_(randomSeed),
      leaseBudgets_(leaseLimits(config_), metrics),
      ownSettings_(linkSettings()),
      connections_(*this, ownSettings_, metrics, leaseBudgets_, control.denials(), openLinks(config_)),
      nodeUsers_(services_, *this, connections_.shared(2), ownSettings_, leaseBudgets_),
      nodeDatabases_(services_, *this, ownSettings_, metrics, leaseBudgets_, control.denials()),
      databases_(config_),
      router_(config_.crossSlot == config::CrossSlot::Emulate),
      services_{{{{config_, *this, connections_.shared(2), connections_, metrics, databases_,
                   control.scripts(), control.denials(), control, *this, requests_, agenda_, holding_,
                   dispatcher_, busy_, slowLog_, latency_, workbench_},
                  protocol::CommandTable::builtIn()},
                 hub_,
                 control,
                 control.baseline()},
                control,
                router_,
                localCommands_,
                keyLookups_,
                monitors_,
                tap_,
                {services_, stalls_, relief_},
                gate_,
                trackers_,
                waitingRoom_,
                clients_,
                accounts_,
                loginDelays_,
                listenerRules_,
                turns_,
                nodeUsers_,
                nodePermits_,
                [this](const config::Config& changed) { setConfig(changed); }},
      hub_(*this, ownSettings_, databases_, metrics, control.census(),
           [this] { control_.refreshTopology(true); }),
      monitors_(*this, ownSettings_, databases_, metrics, [this] { control_.refreshTopology(true); }),
      tap_(services_),
      dispatcher_(services_),
      relief_(services_),
      holding_(services_),
      localCommands_(services_, *services_.commands, session::consoleEntries()),
      keyLookups_(services_),
      stalls_(eventLoop),
      gate_(services_),
      busy_(services_,
            [this](const session::BusyWatch::Task& task) {
              control_.tellWorkers([task, here = &busy_](session::Services& there, std::size_t) {
                if (&there.busy != here) task(there.busy);
              });
            }),
      slowLog_(config_),
      latency_(config_),
      redirections_(services_),
      trackers_(redirections_),
      waitingRoom_(services_, trackers_, control.waitingLines()),
      requests_(blocks_),
      accounts_(services_),
      loginDelays_(services_),
      listenerRules_(services_),
      turns_(services_),
      nodePermits_(services_),
      arrivals_(eventLoop,
                {[this](const Accepted& accepted, auto stream) { onArrived(accepted, std::move(stream)); },
                 [this](const net::Address& peer, auto reason) { onNotArrived(peer, reason); }}) {
  touch();
  services_.nodeDatabases = &nodeDatabases_;
  nodeUsers_.configure();
  accounts_.configure();
  services_.wrappedScripts.setDialect({false, selectsElsewhere(databases_)});
  loop.atTurnEnd([this] { endTurn(); });
  tick_ = loop.makeTimer([this] { onTick(); });
  tick_->start(tickLength());
  silenceTick_ = loop.makeTimer([this] { lookForSilence(); });
  silenceTick_->start(kSilenceTick);
  turnBegan = {};  // the loop does not turn yet
}

Worker::~Worker() {
  session::WorkBudget budget = session::WorkBudget::unlimited();
  for (const auto& [id, client] : clients_) client->abandon(budget);
}

void Worker::setTopology(cluster::TopologyPtr topology) {
  touch();
  ++services_.confirmations;
  services_.slotLosses.note(services_.links.topology(), *topology);
  connections_.setTopology(topology);
  nodeUsers_.setTopology(topology);
  nodeDatabases_.setTopology(topology);
  hub_.setTopology(topology);
  monitors_.setTopology(topology);
  trackers_.setTopology(std::move(topology));
  waitingRoom_.watcher().onTopology();
  holding_.wakeAll();
}

void Worker::setCommands(std::shared_ptr<const protocol::CommandTable> commands,
                         cluster::ServerIdentity servers) {
  oldCommands_.push_back(std::move(services_.commands));
  services_.commands = std::move(commands);
  services_.memo = {};
  services_.manners = session::mannersOf(std::move(servers));
  services_.wrappedScripts.setDialect(
      {services_.manners.hasLuaServer, selectsElsewhere(databases_), services_.manners.spoiledByCrossing});
  slowLog_.keepLarge(services_.commands->find("commandlog") != nullptr);
  localCommands_.use(*services_.commands);
  accounts_.refresh();
  dropOldCommands();
}

// Between two turns nobody but requests and transactions refers to a spec.
void Worker::dropOldCommands() {
  for (const auto& [id, client] : clients_) {
    if (client->conversation().mode() == session::Mode::Queueing) return;
  }
  std::erase_if(oldCommands_, [&](const auto& table) { return !requests_.refersTo(*table); });
}

void Worker::perform(const session::WorkerTask& task, std::size_t index) {
  touch();
  task(services_, index);
}

// Runs between two turns, when no request is being handled: whoever looks at the configuration sees all of
// the old one or all of the new one.
void Worker::setConfig(const config::Config& config) {
  if (config.side != config_.side) return;  // of before a cut-over
  receiveAll();
  touch();
  const bool wasOpen = !services_.loginRequired;
  config_ = config;
  useLinkSettings();
  const bool judgesAnew = nodeUsers_.configure();
  accounts_.configure();
  router_.allowSplit(config_.crossSlot == config::CrossSlot::Emulate);
  telemetry::HotKeys::lookSoon();
  tick_->start(tickLength());
  // What waited for a lease, or for room on a link, may have it now; and so may clients that were to send no
  // more.
  holding_.wakeAll();
  const bool opensNoMore = wasOpen && services_.loginRequired;
  for (const auto& [id, client] : clients_) {
    if (opensNoMore && !client->loggedIn()) client->beginLogin();
    static_cast<void>(client->joinAddress(Client::Since::Before));
    if (judgesAnew) client->close("clients log in otherwise than before");
    agenda_.add(*client, Task::Flush);
  }
}

void Worker::setAccess(const upstream::Access& access) {
  touch();
  access_ = access;
  useLinkSettings();
  connections_.keepLogins();
  nodeDatabases_.keepLogins();
}

upstream::LinkSettings Worker::linkSettings() const {
  upstream::LinkSettings settings;
  settings.access = access_;
  settings.access.clientName = config_.linkClientName;
  settings.access.denials = &control_.denials();
  settings.access.tls = control_.tlsForNodes();
  settings.reauthInterval = config_.reauthInterval;
  settings.connectTimeout = config_.connectTimeout;
  settings.backoffMin = config_.reconnectBackoffMin;
  settings.backoffMax = config_.reconnectBackoffMax;
  settings.replyTimeout = config_.replyTimeout;
  // Requests that may not be held are better off on the link of a silent node.
  if (config_.holdTimeout.count() > 0) settings.suspectAfter = config_.suspectAfter;
  settings.heartbeat = config_.linkHeartbeat;
  // Nor can they wait until a link is made again.
  if (session::mayHold(config_)) settings.idleTimeout = config_.linkIdleTimeout;
  return settings;
}

void Worker::useLinkSettings() {
  ownSettings_ = linkSettings();
  connections_.setSettings(ownSettings_);
  nodeUsers_.useSettings();
  nodeDatabases_.useSettings();
  leaseBudgets_.setLimits(leaseLimits(config_));
}

void Worker::confirmTopology() {
  ++services_.confirmations;
}

void Worker::drain(std::function<void()> drained) {
  receiveAll();
  draining_ = true;
  drained_ = std::move(drained);
  touch();
  arrivals_.close();
  for (const auto& [id, client] : clients_) client->drain();
  tellIfDrained();
}

void Worker::hurry() {
  touch();
  for (const auto& [id, client] : clients_) client->closeAfterReply();
}

// Once: a connection may still come, and go, after the last one.
void Worker::tellIfDrained() {
  if (drained_ && clients_.empty() && arrivals_.empty()) std::exchange(drained_, nullptr)();
}

void Worker::onLinkReady(upstream::Link& link) {
  log::debug("link ready", {{"node", link.node().text()}});
  control_.nodeConnected(link.node());
  nodeDatabases_.onLinkReady(link);
  holding_.wakeAll();
}

void Worker::onLinkLost(upstream::Link& link, std::string_view reason, bool established) {
  if (link.role() == upstream::LinkRole::Lease) holding_.wakeAll();
  if (!established) nodeDatabases_.onLinkLost(link, reason);
  static log::RateLimit limit(10);
  log::write(limit, now, established ? log::Level::Warn : log::Level::Info,
             established ? "link lost" : "link not established",
             {{"node", link.node().text()}, {"reason", reason}});
  control_.refreshTopology(true);
}

void Worker::onLinkSilence(upstream::Link& link, bool begins) {
  if (!begins) holding_.wakeAll();
  static log::RateLimit limit(10);
  log::write(limit, now, begins ? log::Level::Warn : log::Level::Info,
             begins ? "node does not answer" : "node answers again",
             {{"node", link.node().text()}, {"in_flight", link.inFlight()}});
}

void Worker::onLoginRefused(upstream::Link& link, std::string_view why) {
  static log::RateLimit limit(10);
  log::write(limit, now, log::Level::Warn, "node does not take the new credentials yet, the connection stays",
             {{"node", link.node().text()}, {"error", why}});
}

void Worker::onLinkDirty(upstream::Link& link) {
  dirtyLinks_.push_back(&link);
}

// Leases come in crowds; the others are few, and many clients wait for each.
net::Millis Worker::turnToDial(const net::Address& node, upstream::LinkRole role) {
  return control_.dialRate().turn(node, config_.nodeConnectRate, role == upstream::LinkRole::Shared, now,
                                  [this](std::uint32_t bound) { return random(bound); });
}

std::uint32_t Worker::random(std::uint32_t bound) {
  return std::uniform_int_distribution<std::uint32_t>(0, bound == 0 ? 0 : bound - 1)(random_);
}

void Worker::onError(const session::Request& request, std::string_view line) {
  if (tap_.on()) tap_.onError(request, line);
}

void Worker::closeSlowest() {
  session::closeSlowest(services_);
}

void Worker::endTurn() {
  const auto hasWork = [this] {
    return !agenda_.idle() || agenda_.has(Task::Later) || !workbench_.idle() || !dying_.empty() ||
           hub_.busy() || nodeUsers_.busy() || !accepted_.empty();
  };
  // What the last turn has left makes a turn, too, though no event has begun it.
  if (turnBegan == net::TimePoint{} && hasWork()) touch();
  workbench_.run();
  hub_.goOn();
  received_ = 0;
  receiveSome(kArrivalsPerTurn);
  // Those that ask for a lot, a few at a time: others meet no more than this.
  agenda_.takeSome(Task::Later, kGreedyPerTurn, batch_);
  for (Downstream* each : batch_) clientOf(each).goOn();
  for (Downstream* each : dying_) agenda_.add(*each, Task::Reap);
  dying_.clear();
  for (int round = 0; round < kRoundsPerTurn; ++round) {
    workOff();
    if (agenda_.idle()) break;
  }
  flushLinks();
  connections_.sweep();
  nodeUsers_.endTurn();
  nodeDatabases_.endTurn();
  relief_.note();
  if (hasWork()) loop.post([] {});  // do not sleep on what is left
  noteTurn();
}

// From the first event of the turn on: that long the other clients have waited.
void Worker::noteTurn() {
  if (turnBegan == net::TimePoint{}) return;
  const net::TimePoint end = loop.now();
  const auto length = std::chrono::duration_cast<net::Micros>(end - turnBegan);
  telemetry::noteTurn(length, end);
  latency_.note(session::LatencyKind::EventLoop, length);
  turnBegan = {};
}

void Worker::flushLinks() {
  // First: who has unsubscribed and publishes then does not count itself.
  hub_.flush();
  nodeUsers_.flush();
  tap_.flush();
  monitors_.flush();
  // Losing a link while flushing can make other links dirty: the list may grow.
  for (std::size_t i = 0; i < dirtyLinks_.size(); ++i) dirtyLinks_[i]->flush();
  dirtyLinks_.clear();
}

void Worker::workOff() {
  agenda_.take(Task::Pump, batch_);
  for (Downstream* each : batch_) {
    const session::Client& client = clientOf(each);
    if (!client.hasLeft() || client.lingers()) dispatcher_.pump(*each);
  }
  agenda_.take(Task::Parse, batch_);
  for (Downstream* each : batch_) clientOf(each).parse();
  flushLinks();
  agenda_.take(Task::Flush, batch_);
  for (Downstream* each : batch_) clientOf(each).flush();
  reap();
}

void Worker::reap() {
  agenda_.take(Task::Reap, batch_);
  session::WorkBudget budget(session::Workbench::kUnitsPerTurn);
  for (Downstream* each : batch_) {
    if (clientOf(each).lingers()) continue;
    if (!clientOf(each).abandon(budget)) {
      dying_.push_back(each);
      continue;
    }
    clients_.erase(each->id());
    metrics_.clients.add(-1);
    control_.clientGone();
  }
  tellIfDrained();
}

net::Millis Worker::tickLength() const {
  return config_.replyTimeout.count() > 0 ? kFastTick : kSlowTick;
}

void Worker::onTick() {
  touch();
  connections_.checkReplyTimeouts(now);
  nodeUsers_.checkReplyTimeouts(now);
  nodeDatabases_.checkReplyTimeouts(now);
  if (!oldCommands_.empty()) dropOldCommands();
  for (const auto& [id, client] : clients_) {
    client->checkPushLimit();
    client->checkRoom();
    client->checkLogin();
    client->checkIdle();
  }
  accounts_.ledger().tick();
  if (now - lastTidy_ >= kTidyInterval) tidy();
  tick_->start(tickLength());
}

void Worker::lookForSilence() {
  touch();
  const bool wasHere = now - lastSilenceTick_ < kOwnAbsence;
  lastSilenceTick_ = now;
  connections_.tend(wasHere);
  nodeUsers_.tend(wasHere);
  nodeDatabases_.tend(wasHere);
  services_.leaseShares.endIdle(services_);
  const auto blockedSilence =
      std::max({connections_.leases().silence(), nodeUsers_.leaseSilence(), nodeDatabases_.leaseSilence()});
  const auto silence = std::max({connections_.silence(), nodeUsers_.silence(), nodeDatabases_.silence()});
  if (silence >= kSilence) {
    control_.refreshTopology(true);
  } else if (blockedSilence >= kBlockedSilence && now - lastLook_ >= kBlockedSilence) {
    lastLook_ = now;
    control_.refreshTopology(false);
  }
  silenceTick_->start(kSilenceTick);
}

void Worker::tidy() {
  lastTidy_ = now;
  blocks_.trimUnused();
  requests_.trimUnused();
  services_.canonical.trim();
  services_.mapper.trim();
  services_.suspects.expire(now);
  connections_.tidy();
  nodeUsers_.tidy();
  nodeDatabases_.tidy();
  waitingRoom_.watcher().tidy();
  trimScratch();
  publishMemory();
}

// What one unusual request has needed is not kept for all others.
void Worker::trimScratch() {
  if (services_.encoded.capacity() > kScratchBytes) services_.encoded = std::string();
  services_.plan.trim(kScratchBytes);
  services_.mapper.trim(kScratchBytes);
}

void Worker::publishMemory() {
  using telemetry::MemoryKind;
  std::size_t input = 0;
  std::size_t output = 0;
  std::size_t sessions = services_.workbench.heldBytes();
  std::size_t queued = 0;
  for (const auto& [id, client] : clients_) {
    const session::ClientMemory memory = client->memory();
    input += memory.input;
    output += memory.output;
    sessions += memory.session;
    queued += client->conversation().queuedBlockBytes();
  }
  const std::size_t links = connections_.bytesOpen() + nodeUsers_.bytesOpen() + nodeDatabases_.bytesOpen();
  const auto set = [this](MemoryKind kind, std::size_t bytes) {
    metrics_.memory[static_cast<std::size_t>(kind)].set(static_cast<std::int64_t>(bytes));
  };
  const std::size_t known = input + output + links + queued;
  set(MemoryKind::ClientInput, input);
  set(MemoryKind::ClientOutput, output);
  set(MemoryKind::LinkOutput, links);
  set(MemoryKind::Other, blocks_.bytesInUse() > known ? blocks_.bytesInUse() - known : 0);
  set(MemoryKind::Idle, blocks_.bytesIdle());
  set(MemoryKind::Requests, requests_.bytes() + requests_.mergingBytes());
  set(MemoryKind::Sessions, sessions);
}

}  // namespace slotless::worker
