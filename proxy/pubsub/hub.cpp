#include "proxy/pubsub/hub.h"

#include <algorithm>
#include <utility>

#include "protocol/error_reply.h"
#include "protocol/slot.h"
#include "proxy/pubsub/keyspace.h"
#include "proxy/telemetry/log.h"

namespace slotless::pubsub {

using protocol::ErrorClass;

namespace {

bool concernsEveryServer(TopicKind kind, std::string_view name) {
  switch (kind) {
    case TopicKind::Channel: return isKeyspaceChannel(name);
    case TopicKind::Pattern: return canMatchKeyspace(name);
    case TopicKind::Shard: break;
  }
  return false;
}

// The slot or the node is not ready for it: another one will be, or this one later.
bool passes(ErrorClass error) noexcept {
  constexpr ErrorClass kPassing[] = {ErrorClass::Moved,       ErrorClass::Ask,     ErrorClass::TryAgain,
                                     ErrorClass::ClusterDown, ErrorClass::Loading, ErrorClass::MasterDown,
                                     ErrorClass::Busy};
  return std::find(std::begin(kPassing), std::end(kPassing), error) != std::end(kPassing);
}

bool contains(const std::vector<Station*>& stations, const Station* station) {
  return std::find(stations.begin(), stations.end(), station) != stations.end();
}

}  // namespace

Topic::Topic(TopicKind kind, std::string_view name)
    : kind_(kind), name_(name), everywhere_(concernsEveryServer(kind, name)) {}

Hub::Hub(upstream::LinkHost& host, const upstream::LinkSettings& settings, telemetry::WorkerMetrics& metrics,
         Census& census, std::function<void()> refreshTopology)
    : host_(host),
      settings_(settings),
      metrics_(metrics),
      census_(census),
      refreshTopology_(std::move(refreshTopology)),
      timer_(host.loop.makeTimer([this] { tick(); })) {}

Hub::~Hub() = default;

Topic* Hub::find(TopicKind kind, std::string_view name) {
  auto& map = topics_[static_cast<std::size_t>(kind)];
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second.get();
}

// --- who wants what ---

Topic& Hub::hold(TopicKind kind, std::string_view name) {
  Topic* topic = find(kind, name);
  const bool isNew = topic == nullptr;
  if (isNew) {
    auto made = std::make_unique<Topic>(kind, name);
    topic = made.get();
    topics_[static_cast<std::size_t>(kind)].emplace(topic->name(), std::move(made));
  }
  ++topic->holds_;
  if (isNew) settle(*topic);
  return *topic;
}

void Hub::drop(Topic& topic) {
  if (--topic.holds_ > 0) return;
  for (Station* station : topic.stations_) station->unsubscribe(topic.kind(), topic.name());
  if (topic.interrupted_) --interrupted_;
  std::erase(becameLive_, &topic);
  auto& map = topics_[static_cast<std::size_t>(topic.kind())];
  map.erase(map.find(topic.name()));
}

void Hub::await(Topic& topic, Listener& listener) {
  if (!topic.awaiting_.insert(&listener).second) return;
  ++waiting_[&listener];
  startTick();
}

void Hub::stopAwaiting(Topic& topic, Listener& listener) {
  if (topic.awaiting_.erase(&listener) == 0) return;
  const auto found = waiting_.find(&listener);
  if (--found->second == 0) waiting_.erase(found);
}

void Hub::listen(Topic& topic, Listener& listener) {
  topic.listeners_.insert(&listener);
  census_.addListeners(topic.kind(), topic.name(), 1);
  metrics_.subscriptions.add(1);
}

void Hub::stopListening(Topic& topic, Listener& listener) {
  topic.listeners_.erase(&listener);
  census_.addListeners(topic.kind(), topic.name(), -1);
  metrics_.subscriptions.add(-1);
}

// --- where it comes from ---

bool Hub::isMaster(const net::Address& node) const {
  const auto index = topology_->find(node);
  return index && topology_->nodes[*index].master;
}

Station& Hub::stationAt(const net::Address& node) {
  for (const auto& station : stations_) {
    if (station->node() == node) return *station;
  }
  StationEvents& events = *this;
  stations_.push_back(std::make_unique<Station>(host_, settings_, node, metrics_, census_, events));
  return *stations_.back();
}

Station* Hub::homeOf(const Topic& topic) {
  const cluster::NodeIndex owner = topology_->owners[protocol::slotOf(topic.name())];
  return owner == cluster::kNoNode ? nullptr : &stationAt(topology_->nodes[owner].address);
}

std::vector<Station*> Hub::wantedStations(const Topic& topic) {
  std::vector<Station*> stations;
  if (topic.everywhere_) {
    for (const cluster::Node& node : topology_->nodes) {
      if (node.master) stations.push_back(&stationAt(node.address));
    }
  } else if (Station* home = homeOf(topic)) {
    stations.push_back(home);
  }
  return stations;
}

void Hub::settle(Topic& topic) {
  const std::vector<Station*> wanted = wantedStations(topic);
  for (Station* station : wanted) {
    if (contains(topic.stations_, station)) continue;
    topic.stations_.push_back(station);
    station->subscribe(topic.kind(), topic.name());
  }
  judge(topic, wanted);
}

void Hub::judge(Topic& topic, const std::vector<Station*>& wanted) {
  const auto isLive = [&](const Station* station) { return station->live(topic.kind(), topic.name()); };
  const Station* home = homeOf(topic);
  if (home != nullptr && home != topic.source_ && isLive(home)) {
    if (topic.source_ != nullptr) {
      // What the old home had under way is not taken any more.
      metrics_.pubsubGaps.add(topic.listeners_.empty() ? 0U : 1U);
      static log::RateLimit limit(5);
      log::write(limit, host_.now, log::Level::Info, "subscription moved",
                 {{"from", topic.source_->node().text()}, {"to", home->node().text()}});
    }
    topic.source_ = home;
  }
  topic.live_ = !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), isLive);
  std::erase_if(topic.stations_, [&](Station* station) {
    if (contains(wanted, station) || (isLive(station) && !topic.live_)) return false;
    station->unsubscribe(topic.kind(), topic.name());
    if (topic.source_ == station) topic.source_ = nullptr;
    return true;
  });
  if (!topic.live_) return;
  if (topic.interrupted_) {
    topic.interrupted_ = false;
    if (--interrupted_ == 0) log::info("subscriptions restored");
  }
  if (!topic.awaiting_.empty()) becameLive_.push_back(&topic);
}

void Hub::interrupt(Topic& topic) {
  if (topic.listeners_.empty()) return;
  metrics_.pubsubGaps.add();
  if (!std::exchange(topic.interrupted_, true)) ++interrupted_;
}

// Those who await may drop any topic, this one included.
void Hub::tellLive() {
  while (!becameLive_.empty()) {
    Topic& topic = *becameLive_.back();
    becameLive_.pop_back();
    ++topic.holds_;
    const auto awaiting = topic.awaiting_;
    for (Listener* listener : awaiting) {
      if (!topic.awaiting_.contains(listener)) continue;
      stopAwaiting(topic, *listener);
      listener->onLive(topic);
    }
    drop(topic);
  }
}

void Hub::setTopology(cluster::TopologyPtr topology) {
  topology_ = std::move(topology);
  for (const auto& map : topics_) {
    for (const auto& [name, topic] : map) settle(*topic);
  }
  tellLive();
}

// --- what the stations say ---

void Hub::onStanding(Station&, TopicKind kind, std::string_view name) {
  Topic* topic = find(kind, name);
  if (topic == nullptr) return;
  judge(*topic, wantedStations(*topic));
  tellLive();
}

void Hub::onInterrupted(Station& station, TopicKind kind, std::string_view name) {
  Topic* topic = find(kind, name);
  if (topic == nullptr || !contains(topic->stations_, &station)) return;
  const bool heard = topic->source_ == &station || topic->everywhere_;
  if (topic->source_ == &station) topic->source_ = nullptr;
  if (heard) interrupt(*topic);
  const bool revoked = !station.wants(kind, name);
  if (revoked) {
    std::erase(topic->stations_, &station);
    refreshTopology_();
  }
  settle(*topic);
  tellLive();
}

void Hub::onRefusedBy(Station& station, TopicKind kind, std::string_view name, std::string_view line) {
  Topic* topic = find(kind, name);
  if (topic == nullptr) return;
  startTick();
  if (passes(protocol::classifyError(line).errorClass)) return refreshTopology_();
  static log::RateLimit limit(5);
  log::write(limit, host_.now, log::Level::Warn, "subscription refused",
             {{"node", station.node().text()}, {"error", line.substr(0, line.find('\r'))}});
  ++topic->holds_;
  const auto awaiting = topic->awaiting_;
  for (Listener* listener : awaiting) {
    if (!topic->awaiting_.contains(listener)) continue;
    stopAwaiting(*topic, *listener);
    listener->onRefused(*topic, line);
  }
  drop(*topic);
}

void Hub::onMessageFrom(Station& station, const Notice& notice, std::string_view message) {
  Topic* topic = find(notice.kind, notice.name);
  if (topic == nullptr) return;
  const bool ofAServer = topic->everywhere_ && isKeyspaceChannel(notice.channel);
  if (!ofAServer && topic->source_ != &station) return;
  metrics_.pubsubMessages.add(topic->listeners_.size());
  for (Listener* listener : topic->listeners_) listener->onMessage(message);
}

void Hub::onStationLost(Station& station, std::string_view reason, bool established,
                        std::size_t interrupted) {
  static log::RateLimit limit(10);
  log::write(limit, host_.now, established ? log::Level::Warn : log::Level::Info,
             established ? "subscriptions lost" : "subscriptions' connection not established",
             {{"node", station.node().text()}, {"reason", reason}, {"subscriptions", interrupted}});
  refreshTopology_();
}

// --- time ---

void Hub::startTick() {
  if (!timer_->active()) timer_->start(kTick);
}

void Hub::tick() {
  host_.touch();
  bool postponed = false;
  for (const auto& station : stations_) {
    postponed = postponed || station->hasPostponed();
    station->askPostponed();
  }
  std::vector<Listener*> waiting;
  for (const auto& [listener, topics] : waiting_) waiting.push_back(listener);
  if (!waiting.empty()) refreshTopology_();
  for (Listener* listener : waiting) listener->onWaiting();
  if (postponed || !waiting_.empty()) startTick();
}

void Hub::flush() {
  // Losing a connection while flushing can bring new stations.
  for (std::size_t i = 0; i < stations_.size(); ++i) stations_[i]->flush();
  std::erase_if(stations_,
                [this](const auto& station) { return station->idle() && !isMaster(station->node()); });
}

}  // namespace slotless::pubsub
