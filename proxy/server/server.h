// The daemon: workers on their threads, the control thread with listeners, signals and reload, and the
// cluster's thread, which learns topology and commands: how long the answers of a large cluster take to be
// understood is nothing that accepting waits for.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/origin_book.h"
#include "config/reload.h"
#include "proxy/credentials/credential_source.h"
#include "proxy/databases/database.h"
#include "proxy/discovery/command_learner.h"
#include "proxy/discovery/node_survey.h"
#include "proxy/discovery/settings_carrier.h"
#include "proxy/discovery/slot_counter.h"
#include "proxy/discovery/topology_source.h"
#include "proxy/net/heartbeat.h"
#include "proxy/net/listener.h"
#include "proxy/net/signals.h"
#include "proxy/net/uv_loop.h"
#include "proxy/observe/chronicle.h"
#include "proxy/page/page_sources.h"
#include "proxy/server/certificates.h"
#include "proxy/server/cut_over.h"
#include "proxy/server/errands.h"
#include "proxy/server/loop_thread.h"
#include "proxy/server/memory_tide.h"
#include "proxy/server/passed_on.h"
#include "proxy/server/password_file.h"
#include "proxy/server/pid_file.h"
#include "proxy/server/predecessor.h"
#include "proxy/server/reading.h"
#include "proxy/server/sampler.h"
#include "proxy/server/standby.h"
#include "proxy/server/successor.h"
#include "proxy/server/tls_trouble_watch.h"
#include "proxy/server/worker_thread.h"
#include "proxy/telemetry/admin_http.h"
#include "proxy/telemetry/metrics_page.h"

namespace slotless::server {

class Server final : public worker::WorkerControl {
 public:
  // Reads the configuration once more, from where it has come from.
  using Reader = std::function<config::LoadResult()>;

  // `passedOn`: sockets to listen on instead of opening those of config.listen, which must name the same (see
  // listenOn()). `invocation`: for a successor. `originBook`: where the values have come from; may be
  // nullptr. `sideRecord`: with upstream migrating, where config.side has come from.
  Server(config::Config config, Reader reader, PassedOn passedOn, Invocation invocation,
         std::shared_ptr<const config::OriginBook> originBook = nullptr, SideRecord sideRecord = {});
  ~Server();

  // Opens all sockets and serves until SIGTERM or SIGINT, or until a successor that SIGUSR2 starts has taken
  // its place; SIGHUP reloads the configuration. nullopt: ended in order; else why it could not start.
  std::optional<std::string> run();

  // Called by the workers, on their threads.
  void refreshTopology(bool urgent) override;
  session::ProcessFacts facts() const override;
  std::size_t memoryInUse() const override;
  std::size_t tellWorkers(const session::WorkerTask& task) override;
  void visitMetrics(const std::function<void(const telemetry::WorkerMetrics&)>& visit) const override;
  pubsub::Census& census() override { return census_; }
  void rememberSettings(const session::SettingPairs& settings, std::uint64_t topologyVersion,
                        Taken taken) override;
  void keepOptions(const session::SettingPairs& options) override;
  void aside(std::function<void()> work, net::Loop& loop, std::function<void()> done) override;
  void nodeConnected(const net::Address& node) override;
  void cutOver(const session::CutOverStep& step, net::Loop& loop, session::CutOverDone done) override;
  net::TlsSourcePtr tlsForNodes() const override;
  net::TlsSourcePtr tlsForClients() const override { return certificates_.forClients(); }
  void clientGone() override { clients_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  friend class StatusPage;

  std::optional<std::string> openAll();
  std::optional<std::string> openListeners();
  void listenOn(net::ListeningSocket socket, std::size_t listener);
  void tuneListeners();
  std::optional<std::string> openAdmin();
  void watchTide();
  void watchTls();
  void startRefresher(discovery::RefreshSettings settings);
  void publish(cluster::TopologyPtr topology);
  void startLearner();
  void publishCommands(const discovery::CommandTablePtr& commands,
                       const std::set<discovery::ServerBuild>& builds);
  void tellWorkersCommands(const discovery::CommandTablePtr& commands,
                           const std::set<discovery::ServerBuild>& builds);
  void startCarrier();
  // database_sizes.cpp
  void startCounter();
  void onCounted(const discovery::SlotCounter::Counts& counts);
  std::vector<telemetry::DatabaseFacts> databaseFacts() const;
  void onAccepted(int descriptor, std::size_t listener);
  void refuseClient(int descriptor, std::string_view reason, std::size_t listener);
  void onSignal(int signal);
  // reload.cpp
  void reload();
  void onRead(const config::LoadResult& loaded);
  void apply(config::Config config);
  void adopt(config::Config config);
  void tellWorkersConfig();
  void tellDiscovery();
  // credentials.cpp
  void startCredentials(std::uint32_t randomSeed);
  void onCredentials();
  upstream::Access access();
  credentials::SourceSettings sourceSettings() const;
  // nullopt: there is no such program.
  std::optional<telemetry::PasswordCommandFacts> passwordCommandFacts() const;
  void watchPasswordFiles();
  void onPassword(const std::string& option, std::string config::Config::*password, const std::string& found);
  discovery::RefreshSettings refreshSettings(const config::Config& config);
  discovery::LearnSettings learnSettings();
  discovery::CarrierSettings carrierSettings();
  discovery::CounterSettings counterSettings();
  void beginShutdown();
  // Lets the clients go, with patience for half of that time.
  void drain(config::Milliseconds time);
  void finishShutdown();
  // going_over.cpp
  void startCutOver();
  config::Upstream otherSide() const;
  void makeStandby();
  void goOver(std::function<void()> done);
  void moveWorkers(const std::function<void()>& done);
  void discoverAnew();
  config::Config onThisSide(config::Config config) const;
  // upgrade.cpp: to the successor …
  void upgrade();
  void handOver();
  // … and from the predecessor.
  void awaitReadiness();
  void takeOver();
  void takeTheRest();

  // status_page.cpp
  void prepareStatusPage();
  std::shared_ptr<telemetry::AdminSite> makeStatusPage();
  observe::Condition condition() const;
  std::vector<page::DatabaseRow> databaseRows() const;
  discovery::SurveySettings surveySettings();
  // Of the options that still have the values from before, the origins stay, too.
  void takeOrigins(std::span<const config::Change> keep);

  // For the admin pages: any thread.
  cluster::TopologyPtr topology() const;
  std::shared_ptr<const config::Config> config() const;
  std::shared_ptr<const databases::Databases> databases() const;
  std::optional<std::string> whyNotReady() const;
  std::optional<std::string> whyNotAlive() const;
  std::optional<telemetry::TopologyFacts> topologyFacts() const;
  telemetry::MetricsSources metricsSources() const;
  std::size_t slotsReachable(const cluster::Topology& topology, std::string& silent) const;

  // As it was read. What is in force, for upstream migrating on one of its sides, is config_.
  config::Config loaded_;
  // Replaced as a whole by the control thread; others take it by config().
  std::shared_ptr<const config::Config> config_;
  net::TimePoint appliedAt_{};  // when the workers were last given one as a whole
  Reader reader_;
  PassedOn passedOn_;
  const Invocation invocation_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::shared_ptr<const databases::Databases> databases_;  // others take it by databases()
  std::map<std::uint32_t, std::uint64_t> databaseKeys_;    // of pinned databases; guarded by sharedMutex_
  pubsub::Census census_;                                  // outlives the workers
  Certificates certificates_;                              // the same
  const std::optional<std::string> tlsError_;              // they cannot be used
  net::UvLoop loop_;
  LoopThread cluster_{"cluster"};  // of refresher_, learner_, carrier_ and counter_
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  const net::Heartbeat heartbeat_{loop_, "control"};
  std::unique_ptr<Reading> reading_;  // of the configuration, anew
  credentials::CommandCounts passwordCommand_;
  std::unique_ptr<credentials::CredentialSource> credentials_;
  std::unique_ptr<PasswordFile> passwordFile_;
  std::unique_ptr<PasswordFile> clientPasswordFile_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unique_ptr<net::Signals> signals_;
  std::unique_ptr<discovery::TopologySource> refresher_;
  std::unique_ptr<discovery::CommandLearner> learner_;
  std::unique_ptr<discovery::SettingsCarrier> carrier_;
  std::unique_ptr<discovery::SlotCounter> counter_;
  std::unique_ptr<discovery::NodeSurvey> survey_;  // where there is a status page
  const SideRecord sideRecord_;
  std::unique_ptr<Standby> standby_;  // made and destroyed by the cluster thread
  std::unique_ptr<CutOver> cutOver_;
  std::atomic<std::uint64_t> topologyVersion_{0};  // of the latest, over both sides
  observe::Chronicle chronicle_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<telemetry::AdminHttp> admin_;
  Errands errands_;
  PidFile pidFile_;
  std::unique_ptr<net::Timer> shutdownTimer_;
  std::unique_ptr<net::Timer> hurryTimer_;
  std::unique_ptr<Successor> successor_;
  std::unique_ptr<Predecessor> predecessor_;
  std::unique_ptr<net::Timer> takeOverTimer_;
  std::unique_ptr<net::Timer> tideTimer_;
  MemoryTide tide_;
  TlsTroubleWatch tlsTrouble_;
  std::size_t heapAtStart_ = 0;  // not counted for memory-limit
  std::atomic<std::int64_t> clients_{0};
  std::atomic<bool> refreshPosted_{false};
  std::atomic<bool> refreshUrgent_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> carries_{false};  // there is something for `carrier_` to carry
  std::uint64_t lastClientId_ = 0;
  std::size_t nextWorker_ = 0;
  std::uint64_t clientDescriptors_ = 0;       // numbers from this on are not for clients
  std::atomic<bool> commandsSettled_{false};  // learned, or known not to be had
  bool readAgain_ = false;
  bool draining_ = false;
  bool toldToEnd_ = false;  // by a signal
  std::size_t undrained_ = 0;
  const std::shared_ptr<const config::OriginBook> originBook_;
  // For the admin pages: the configuration, where it has come from, the latest topology and when it was last
  // confirmed.
  config::Origins origins_;
  mutable std::mutex sharedMutex_;
  cluster::TopologyPtr topology_;
  std::chrono::steady_clock::time_point confirmedAt_{};
};

}  // namespace slotless::server
