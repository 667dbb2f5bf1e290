// What the status page knows of the server, and may do there.
#include <algorithm>
#include <condition_variable>
#include <iterator>

#include "config/database_rule.h"
#include "proxy/console/page_questions.h"
#include "proxy/page/status_site.h"
#include "proxy/pubsub/peer_words.h"
#include "proxy/server/sampler.h"
#include "proxy/server/server.h"

namespace slotless::server {

namespace {

// The workers' answers, as many as have come in time. Shared with the workers, who may be later than that.
template <typename Part>
class Answers {
 public:
  void put(Part part) {
    const std::lock_guard guard(mutex_);
    parts_.push_back(std::move(part));
    changed_.notify_all();
  }
  std::vector<Part> take(std::size_t wanted, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return parts_.size() >= wanted; });
    return std::move(parts_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Part> parts_;
};

page::ProxyRow proxyRow(const pubsub::PeerRow& row) {
  const auto silence =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - row.heardAt);
  return {row.id,
          row.place,
          row.release,
          row.clients,
          std::max(silence, std::chrono::milliseconds(0)),
          std::string(pubsub::subscribersWord(row))};
}

}  // namespace

class StatusPage final : public page::PageSources {
 public:
  explicit StatusPage(Server& server) : server_(server) {}

  std::string version() const override { return SLOTLESS_VERSION; }
  std::shared_ptr<const config::Config> config() const override { return server_.config(); }
  config::Origins origins() const override {
    const std::lock_guard guard(server_.sharedMutex_);
    return server_.origins_;
  }
  access::Roster::SnapshotPtr users() const override { return std::as_const(server_).roster().snapshot(); }
  session::ProcessFacts process() const override { return server_.facts(); }
  std::optional<std::string> whyNotReady() const override { return server_.whyNotReady(); }
  std::optional<std::string> whyNotAlive() const override { return server_.whyNotAlive(); }
  cluster::TopologyPtr topology() const override { return server_.topology(); }
  std::chrono::milliseconds topologyAge() const override {
    const auto facts = server_.topologyFacts();
    return facts ? facts->age : std::chrono::milliseconds(0);
  }
  observe::Present present() const override { return server_.chronicle_.present(); }
  std::deque<observe::TrafficPoint> traffic() const override { return server_.chronicle_.traffic(); }
  std::deque<observe::Happening> happenings() const override { return server_.chronicle_.happenings(); }
  std::vector<page::DatabaseRow> databases() const override { return server_.databaseRows(); }
  std::vector<telemetry::CertificateFacts> certificates() const override {
    return server_.certificates_.facts();
  }
  std::map<std::string, cluster::NodeReport> nodeReports() override { return server_.survey_->reports(); }

  page::ClientList clients(const std::string& match) override {
    const session::ClientSearch search{match, kMostClients, kMostLookedAt};
    auto answers = std::make_shared<Answers<session::FoundClients>>();
    const std::size_t workers = server_.tellWorkers([=](session::Services& services, std::size_t worker) {
      session::searchClients(services, worker, search,
                             [answers](session::FoundClients found) { answers->put(std::move(found)); });
    });
    page::ClientList list;
    list.connected = static_cast<std::uint64_t>(std::max<std::int64_t>(0, server_.clients_.load()));
    std::vector<session::FoundClients> parts = answers->take(workers, kPatience);
    list.complete = parts.size() == workers;
    for (session::FoundClients& part : parts) {
      list.lookedAt += part.lookedAt;
      list.complete = list.complete && part.all;
      std::move(part.clients.begin(), part.clients.end(), std::back_inserter(list.clients));
    }
    std::sort(list.clients.begin(), list.clients.end(), session::comesBefore);
    if (list.clients.size() > kMostClients) list.clients.resize(kMostClients);
    return list;
  }

  page::SlowList slowLog() override {
    using Entries = std::vector<session::SlowEntry>;
    auto answers = std::make_shared<Answers<Entries>>();
    const std::size_t workers = server_.tellWorkers([answers](session::Services& services, std::size_t) {
      answers->put(session::newestSlow(services, kMostSlowEntries));
    });
    std::vector<Entries> parts = answers->take(workers, kPatience);
    page::SlowList list{{}, parts.size() == workers};
    for (Entries& part : parts) std::move(part.begin(), part.end(), std::back_inserter(list.entries));
    std::sort(list.entries.begin(), list.entries.end(),
              [](const auto& a, const auto& b) { return a.id > b.id; });
    if (list.entries.size() > kMostSlowEntries) list.entries.resize(kMostSlowEntries);
    return list;
  }

  telemetry::HotKeyList hotKeys() const override {
    return telemetry::HotKeys::all(std::chrono::steady_clock::now());
  }

  std::optional<telemetry::MigrationProgress> migration() const override {
    return telemetry::MigrationBoard::ofProcess().get();
  }

  page::ProxyList proxies() const override {
    const pubsub::PeerReportPtr known = server_.census_.peers();
    static const pubsub::PeerReport kNothing;
    const pubsub::PeerReport& report = known != nullptr ? *known : kNothing;
    page::ProxyList list{std::string(pubsub::channelWord(&report)),
                         report.trouble,
                         report.node,
                         report.said,
                         report.heard,
                         report.unread,
                         report.vanished,
                         {}};
    if (report.isOn) list.proxies.push_back(proxyRow(report.self));
    for (const pubsub::PeerRow& row : report.others) list.proxies.push_back(proxyRow(row));
    return list;
  }

  void pause(std::chrono::milliseconds duration, const std::string& who) override {
    server_.tellWorkers([=](session::Services& services, std::size_t worker) {
      session::pauseFor(services, duration, who, worker == 0);
    });
    server_.chronicle_.note("action", observe::Weight::Warning, "Paused by " + who);
  }
  void resume(const std::string& who) override {
    server_.tellWorkers([](session::Services& services, std::size_t) { session::endPause(services); });
    server_.chronicle_.note("action", observe::Weight::Note, "Resumed by " + who);
  }
  bool killClient(std::uint64_t id, const std::string& who) override {
    auto answers = std::make_shared<Answers<bool>>();
    const std::size_t workers = server_.tellWorkers([=](session::Services& services, std::size_t) {
      answers->put(session::closeClient(services, id, "closed on the status page by " + who));
    });
    const std::vector<bool> closed = answers->take(workers, kPatience);
    return std::find(closed.begin(), closed.end(), true) != closed.end();
  }
  void resetStatistics() override { server_.baseline().set(server_); }
  void reload() override {
    server_.loop_.post([this] { server_.reload(); });
  }

 private:
  Server& server_;
};

// Before any thread that may look at them.
void Server::prepareStatusPage() {
  if (!config_->adminListen) return;
  survey_ = std::make_unique<discovery::NodeSurvey>(cluster_.loop(), surveySettings());
  sampler_ = std::make_unique<Sampler>(loop_, chronicle_, [this] { return condition(); });
}

std::shared_ptr<telemetry::AdminSite> Server::makeStatusPage() {
  return std::make_shared<page::StatusSite>(std::make_unique<StatusPage>(*this));
}

observe::Condition Server::condition() const {
  observe::Condition condition;
  std::vector<const telemetry::WorkerMetrics*> metrics;
  for (const auto& worker : workers_) metrics.push_back(&std::as_const(*worker).metrics());
  condition.now = observe::takeSample(metrics);
  condition.unixMillis = condition.now.unixMillis;
  condition.notAlive = whyNotAlive();
  condition.notReady = whyNotReady();
  condition.topology = topology();
  if (const auto facts = topologyFacts()) condition.topologyAge = facts->age;
  condition.refreshInterval = config_->topologyRefreshInterval;
  for (const telemetry::CertificateFacts& each : certificates_.facts())
    condition.certificates.push_back({std::string(each.side), each.file, each.expiry});
  return condition;
}

cluster::TopologyPtr Server::topology() const {
  const std::lock_guard guard(sharedMutex_);
  return topology_;
}

std::vector<page::DatabaseRow> Server::databaseRows() const {
  std::vector<const telemetry::WorkerMetrics*> metrics;
  for (const auto& worker : workers_) metrics.push_back(&std::as_const(*worker).metrics());
  constexpr std::size_t kMostRows = 256;
  std::vector<page::DatabaseRow> rows;
  const auto all = databases();
  const std::lock_guard guard(sharedMutex_);
  for (const databases::Database& each : all->all()) {
    if (rows.size() == kMostRows) break;
    if (each.layout == databases::Layout::Denied) continue;
    page::DatabaseRow row;
    row.index = each.index;
    const std::string rule = config::formatDatabaseRule(config::ruleFor(*config_, each.index));
    row.layout = rule.substr(rule.find('=') + 1);
    if (each.pinned()) row.slot = each.slot;
    const auto keys = databaseKeys_.find(each.index);
    if (keys != databaseKeys_.end()) row.keys = keys->second;
    if (all->size() > 1) row.requests = observe::databaseRequests(metrics, each.index);
    rows.push_back(std::move(row));
  }
  return rows;
}

discovery::SurveySettings Server::surveySettings() {
  discovery::SurveySettings settings;
  settings.access = access();
  settings.queryTimeout = config_->connectTimeout;
  return settings;
}

void Server::takeOrigins(std::span<const config::Change> keep) {
  if (originBook_ == nullptr) return;
  config::Origins origins = originBook_->get();
  const std::lock_guard guard(sharedMutex_);
  for (const config::Change& change : keep) {
    const auto before = origins_.find(change.option->name);
    if (before == origins_.end()) {
      origins.erase(change.option->name);
    } else {
      origins[change.option->name] = before->second;
    }
  }
  origins_ = std::move(origins);
}

}  // namespace slotless::server
