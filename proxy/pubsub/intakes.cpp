#include "proxy/pubsub/intakes.h"

#include <algorithm>
#include <utility>

#include "protocol/denial.h"
#include "protocol/error_reply.h"
#include "protocol/slot.h"
#include "proxy/pubsub/keyspace.h"
#include "proxy/pubsub/peer_channel.h"
#include "proxy/telemetry/log.h"

namespace slotless::pubsub {

using protocol::ErrorClass;

namespace {

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

Intakes::Intakes(upstream::LinkHost& host, const upstream::LinkSettings& settings,
                 telemetry::WorkerMetrics& metrics, Census& census, std::function<void()> refreshTopology,
                 IntakeEvents& events)
    : host_(host),
      settings_(settings),
      metrics_(metrics),
      census_(census),
      refreshTopology_(std::move(refreshTopology)),
      events_(events) {}

Intakes::~Intakes() = default;

Intake* Intakes::find(TopicKind kind, std::string_view name) {
  auto& map = intakes_[static_cast<std::size_t>(kind)];
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second.get();
}

Intake& Intakes::hold(TopicKind kind, std::string_view name, bool everywhere) {
  Intake* intake = find(kind, name);
  const bool isNew = intake == nullptr;
  if (isNew) {
    auto made = std::make_unique<Intake>(kind, name, everywhere);
    intake = made.get();
    intakes_[static_cast<std::size_t>(kind)].emplace(intake->name(), std::move(made));
  }
  ++intake->holds_;
  if (isNew) settle(*intake);
  return *intake;
}

void Intakes::drop(Intake& intake) {
  if (--intake.holds_ > 0) return;
  for (Station* station : intake.stations_) station->unsubscribe(intake.kind(), intake.name());
  if (intake.interrupted_) --interrupted_;
  auto& map = intakes_[static_cast<std::size_t>(intake.kind())];
  map.erase(map.find(intake.name()));
}

std::size_t Intakes::fence(const std::vector<const Intake*>& intakes, std::uint64_t fence) {
  std::vector<Station*> fenced;
  for (const Intake* intake : intakes) {
    for (Station* station : intake->stations_) {
      if (contains(fenced, station) || !station->live(intake->kind(), intake->name())) continue;
      fenced.push_back(station);
      station->fence(fence);
    }
  }
  return fenced.size();
}

// --- where it comes from ---

bool Intakes::isMaster(const net::Address& node) const {
  const auto index = topology_->find(node);
  return index && topology_->nodes[*index].master;
}

Station& Intakes::stationAt(const net::Address& node) {
  for (const auto& station : stations_) {
    if (station->node() == node) return *station;
  }
  StationEvents& events = *this;
  stations_.push_back(std::make_unique<Station>(host_, settings_, node, metrics_, census_, events));
  return *stations_.back();
}

Station* Intakes::homeOf(const Intake& intake) {
  const cluster::NodeIndex owner = topology_->owners[protocol::slotOf(intake.name())];
  return owner == cluster::kNoNode ? nullptr : &stationAt(topology_->nodes[owner].address);
}

std::vector<Station*> Intakes::wantedStations(const Intake& intake) {
  std::vector<Station*> stations;
  if (intake.everywhere_) {
    for (const cluster::Node& node : topology_->nodes) {
      if (node.master) stations.push_back(&stationAt(node.address));
    }
  } else if (Station* home = homeOf(intake)) {
    stations.push_back(home);
  }
  return stations;
}

void Intakes::settle(Intake& intake) {
  const std::vector<Station*> wanted = wantedStations(intake);
  for (Station* station : wanted) {
    if (contains(intake.stations_, station)) continue;
    intake.stations_.push_back(station);
    station->subscribe(intake.kind(), intake.name());
  }
  judge(intake, wanted);
}

void Intakes::judge(Intake& intake, const std::vector<Station*>& wanted) {
  const auto isLive = [&](const Station* station) { return station->live(intake.kind(), intake.name()); };
  const Station* home = homeOf(intake);
  if (home != nullptr && home != intake.source_ && isLive(home)) {
    if (intake.source_ != nullptr) {
      // What the old home had under way is not taken any more.
      metrics_.pubsubGaps.add(events_.isHeard(intake) ? 1U : 0U);
      static log::RateLimit limit(5);
      log::write(limit, host_.now, log::Level::Info, "subscription moved",
                 {{"from", intake.source_->node().text()}, {"to", home->node().text()}});
    }
    intake.source_ = home;
  }
  intake.live_ = !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), isLive);
  std::erase_if(intake.stations_, [&](Station* station) {
    if (contains(wanted, station) || (isLive(station) && !intake.live_)) return false;
    station->unsubscribe(intake.kind(), intake.name());
    if (intake.source_ == station) intake.source_ = nullptr;
    return true;
  });
  if (!intake.live_) return;
  if (intake.interrupted_) {
    intake.interrupted_ = false;
    if (--interrupted_ == 0) log::info("subscriptions restored");
  }
  events_.onLive(intake);
}

void Intakes::interrupt(Intake& intake) {
  if (!events_.isHeard(intake)) return;
  metrics_.pubsubGaps.add();
  if (!std::exchange(intake.interrupted_, true)) ++interrupted_;
}

void Intakes::setTopology(cluster::TopologyPtr topology) {
  topology_ = std::move(topology);
  settling_.begin();
  goOn();
}

bool Intakes::busy() const {
  return !settling_.over() ||
         std::any_of(stations_.begin(), stations_.end(), [](const auto& station) { return station->busy(); });
}

void Intakes::goOn() {
  for (std::size_t settled = 0; !settling_.over() && settled < kTopicsAtOnce;) {
    settled += settling_.goOn(intakes_, [this](TopicKind, const std::string&,
                                               const std::unique_ptr<Intake>& intake) { settle(*intake); });
    events_.onSettled();
  }
  // Who is told of a loss may need another station.
  for (std::size_t i = 0; i < stations_.size(); ++i) stations_[i]->goOn();
}

// --- what the stations say ---

void Intakes::onStanding(Station& station, TopicKind kind, std::string_view name) {
  if (settings_.access.denials != nullptr)
    settings_.access.denials->worked(telemetry::Deniable::Subscribe, station.node());
  Intake* intake = find(kind, name);
  if (intake == nullptr) return;
  judge(*intake, wantedStations(*intake));
  events_.onSettled();
}

void Intakes::onInterrupted(Station& station, TopicKind kind, std::string_view name) {
  Intake* intake = find(kind, name);
  if (intake == nullptr || !contains(intake->stations_, &station)) return;
  const bool heard = intake->source_ == &station || intake->everywhere_;
  if (intake->source_ == &station) intake->source_ = nullptr;
  if (heard) interrupt(*intake);
  const bool revoked = !station.wants(kind, name);
  if (revoked) {
    std::erase(intake->stations_, &station);
    refreshTopology_();
  }
  settle(*intake);
  events_.onSettled();
}

void Intakes::onRefusedBy(Station& station, TopicKind kind, std::string_view name, std::string_view line) {
  Intake* intake = find(kind, name);
  if (intake == nullptr) return;
  if (settings_.access.denials != nullptr && protocol::isDenial(line))
    settings_.access.denials->note(telemetry::Deniable::Subscribe, station.node(), line, host_.now);
  events_.onPostponed();
  if (passes(protocol::classifyError(line).errorClass)) return refreshTopology_();
  static log::RateLimit limit(5);
  const bool isClients = settings_.access.ofClient;  // then it is the client's business
  log::write(limit, host_.now, isClients ? log::Level::Debug : log::Level::Warn, "subscription refused",
             {{"node", station.node().text()}, {"error", line.substr(0, line.find('\r'))}});
  events_.onRefused(*intake, line);
}

void Intakes::onMessageFrom(Station& station, const Notice& notice, std::string_view message) {
  if (isPeerChannel(notice.channel)) return;
  Intake* intake = find(notice.kind, notice.name);
  if (intake == nullptr) return;
  const bool ofAServer = intake->everywhere_ && isKeyspaceChannel(notice.channel);
  if (ofAServer && events_.isHidden(notice.channel)) return;
  if (ofAServer || intake->source_ == &station) events_.onMessage(*intake, notice, message);
}

void Intakes::onStationLost(Station& station, std::string_view reason, bool established,
                            std::size_t interrupted) {
  static log::RateLimit limit(10);
  log::write(limit, host_.now, established ? log::Level::Warn : log::Level::Info,
             established ? "subscriptions lost" : "subscriptions' connection not established",
             {{"node", station.node().text()}, {"reason", reason}, {"subscriptions", interrupted}});
  refreshTopology_();
}

bool Intakes::askPostponed() {
  bool postponed = false;
  for (const auto& station : stations_) {
    postponed = postponed || station->hasPostponed();
    station->askPostponed();
  }
  return postponed;
}

void Intakes::flush() {
  // Losing a connection while flushing can bring new stations.
  for (std::size_t i = 0; i < stations_.size(); ++i) stations_[i]->flush();
  const net::Millis patience = settings_.idleTimeout;
  std::erase_if(stations_, [&](const auto& station) {
    if (!station->idle()) return false;
    const bool isTooLong = patience.count() > 0 && host_.now - station->idleSince() >= patience;
    return isTooLong || !isMaster(station->node());
  });
}

}  // namespace slotless::pubsub
