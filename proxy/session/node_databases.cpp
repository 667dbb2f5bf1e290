#include "proxy/session/node_databases.h"

#include <algorithm>
#include <utility>

#include "proxy/dispatch/holding.h"
#include "proxy/session/client.h"
#include "proxy/session/node_database.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

// What is not used is not kept: there may be many databases, and each has a link to every master.
constexpr net::Millis kIdleTimeout{60'000};
constexpr std::string_view kSelectRefused = "SELECT refused: ";

// Of what nodes say to SELECT these pass by themselves.
bool passes(std::string_view error) {
  constexpr std::string_view kPassing[] = {"LOADING", "BUSY", "MASTERDOWN"};
  return std::any_of(std::begin(kPassing), std::end(kPassing),
                     [&](std::string_view code) { return error.starts_with(code); });
}

}  // namespace

NodeDatabases::NodeDatabases(Services& services, upstream::LinkHost& host,
                             const upstream::LinkSettings& settings, telemetry::WorkerMetrics& metrics,
                             upstream::LeaseBudgets& budgets, telemetry::Denials& denials)
    : services_(services),
      host_(host),
      settings_(settings),
      metrics_(metrics),
      budgets_(budgets),
      denials_(denials) {}

NodeDatabases::~NodeDatabases() = default;

upstream::LinkSettings NodeDatabases::settingsFor(std::uint32_t index) const {
  upstream::LinkSettings settings = settings_;
  settings.access.database = index;
  // Requests that may not be held could not wait until a link is made again.
  const bool closes = mayHold(services_.config);
  if (settings.idleTimeout.count() == 0 && closes) settings.idleTimeout = kIdleTimeout;
  return settings;
}

NodeDatabase* NodeDatabases::find(std::uint32_t index) const noexcept {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each->index() == index; });
  return found == all_.end() ? nullptr : found->get();
}

NodeDatabase& NodeDatabases::databaseOf(const databases::Database& database) {
  if (NodeDatabase* known = find(database.index)) return *known;
  const auto open = mayHold(services_.config) ? upstream::OpenLinks::OnDemand : upstream::OpenLinks::Ahead;
  all_.push_back(
      std::make_unique<NodeDatabase>(host_, settingsFor(database.index), metrics_, budgets_, denials_, open));
  all_.back()->links().setTopology(services_.links.topologyPtr());
  return *all_.back();
}

upstream::LinkSet& NodeDatabases::linksOf(const databases::Database& database) {
  return databaseOf(database).links();
}

// --- whether it may be used ---

bool NodeDatabases::isOpen(const databases::Database& database) const noexcept {
  const NodeDatabase* known = find(database.index);
  return known != nullptr && known->standing() == Standing::Open;
}

NodeDatabases::Standing NodeDatabases::judge(const Client& client, const databases::Database& database,
                                             std::string& line) {
  NodeDatabase& asked = databaseOf(database);
  if (asked.standing() == Standing::Open) return Standing::Open;
  // A refusal may be out of date: the next one hears of it.
  asked.look(host_.now, services_.config.connectTimeout * 2);
  if (asked.standing() == Standing::Refused) {
    line = asked.refusal();
    return Standing::Refused;
  }
  asked.await(client.id());
  return Standing::Unknown;
}

namespace {

void wake(Services& services, NodeDatabase& database) {
  for (const std::uint64_t id : database.takeWaiting()) {
    const auto client = services.clients.find(id);
    if (client != services.clients.end()) client->second->wake();
  }
}

void settle(Services& services, net::TimePoint now, NodeDatabase& database) {
  if (database.standing() == NodeDatabases::Standing::Refused) {
    static log::RateLimit limit(5);
    log::write(limit, now, log::Level::Error, "a native database cannot be used",
               {{"database", database.index()}, {"error", database.refusal()}});
  }
  wake(services, database);
}

}  // namespace

void NodeDatabases::onLinkReady(const upstream::Link& link) {
  NodeDatabase* database = link.database() == 0 ? nullptr : find(link.database());
  if (database != nullptr && database->goOn(host_.now, services_.links))
    settle(services_, host_.now, *database);
}

void NodeDatabases::onLinkLost(const upstream::Link& link, std::string_view reason) {
  NodeDatabase* database = link.database() == 0 ? nullptr : find(link.database());
  if (database == nullptr || !reason.starts_with(kSelectRefused)) return;
  const std::string_view error = reason.substr(kSelectRefused.size());
  if (passes(error)) return;
  const std::string number = std::to_string(database->index());
  database->refuse("ERR database " + number + " is native, and node " + link.node().text() +
                   " has none of that number (see its cluster-databases): " + std::string(error));
  settle(services_, host_.now, *database);
}

// --- as long as they are there ---

void NodeDatabases::forget() {
  const auto nobody = std::make_shared<const cluster::Topology>();
  for (auto& each : all_) {
    each->links().setTopology(nobody);
    former_.push_back(std::move(each));
  }
  all_.clear();
}

void NodeDatabases::useSettings() {
  for (const auto& each : all_) each->setSettings(settingsFor(each->index()));
}

void NodeDatabases::keepLogins() {
  for (const auto& each : all_) each->links().keepLogins();
}

void NodeDatabases::setTopology(const cluster::TopologyPtr& topology) {
  for (const auto& each : all_) each->links().setTopology(topology);
}

void NodeDatabases::endTurn() {
  for (const auto& each : all_) each->links().sweep();
  for (const auto& each : former_) each->links().sweep();
}

void NodeDatabases::tend(bool wasHere) {
  // By number: who is woken may use another one.
  for (std::size_t i = 0; i < all_.size(); ++i) {
    NodeDatabase& each = *all_[i];
    each.links().tend(wasHere);
    if (each.goOn(host_.now, services_.links)) settle(services_, host_.now, each);
  }
}

void NodeDatabases::tidy() {
  for (const auto& each : all_) each->links().tidy();
}

void NodeDatabases::checkReplyTimeouts(net::TimePoint now) {
  for (const auto& each : all_) each->links().checkReplyTimeouts(now);
}

net::TimePoint::duration NodeDatabases::silence() const noexcept {
  net::TimePoint::duration longest{};
  for (const auto& each : all_) longest = std::max(longest, each->links().silence());
  return longest;
}

net::TimePoint::duration NodeDatabases::leaseSilence() const noexcept {
  net::TimePoint::duration longest{};
  for (const auto& each : all_) longest = std::max(longest, each->links().leases().silence());
  return longest;
}

std::size_t NodeDatabases::bytesOpen() const noexcept {
  std::size_t bytes = 0;
  for (const auto& each : all_) bytes += each->links().bytesOpen();
  return bytes;
}

void NodeDatabases::forEachSet(const std::function<void(const upstream::LinkSet&)>& visit) const {
  for (const auto& each : all_) visit(each->links());
}

}  // namespace slotless::session
