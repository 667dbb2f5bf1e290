// What the status page knows of the process, and what it may do there: the wall behind which the page knows
// no worker.
//
// Called on the thread that renders pages. Nothing blocks a worker; who has to be asked has kPatience, and
// what has come by then is shown.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/pages.h"
#include "proxy/access/roster.h"
#include "proxy/cluster/node_report.h"
#include "proxy/cluster/topology.h"
#include "proxy/observe/chronicle.h"
#include "proxy/observe/client_facts.h"
#include "proxy/observe/process_facts.h"
#include "proxy/observe/slow_log.h"
#include "proxy/telemetry/hot_keys.h"
#include "proxy/telemetry/metrics_page.h"
#include "proxy/telemetry/migration_progress.h"

namespace slotless::page {

// Of all clients those that wait and hold most.
struct ClientList {
  std::vector<session::ClientFacts> clients;  // the first ones first
  std::uint64_t connected = 0;
  std::uint64_t lookedAt = 0;
  bool complete = true;  // all workers have answered in time, and all clients were looked at
};

struct SlowList {
  std::vector<session::SlowEntry> entries;  // the newest first
  bool complete = true;
};

struct DatabaseRow {
  std::uint32_t index = 0;
  std::string layout;                 // as database-layouts has it
  std::optional<std::uint32_t> slot;  // of a pinned one
  std::optional<std::uint64_t> keys;  // nullopt: not known
  std::optional<std::uint64_t> requests;
};

// A proxy of the cluster, as it tells of itself.
struct ProxyRow {
  std::string id;     // of the process
  std::string place;  // its host, process and listeners
  std::string version;
  std::uint64_t clients = 0;
  std::chrono::milliseconds silence{0};  // since it was heard last
  std::string subscribers;               // "told", "unknown" or "too-many"
};
struct ProxyList {
  std::string channel;  // "on", "off" or "unheard"
  std::string trouble;  // why not; empty: nothing is known to be wrong
  std::string node;     // by which they are heard; empty: none
  std::uint64_t said = 0;
  std::uint64_t heard = 0;
  std::uint64_t unread = 0;
  std::uint64_t vanished = 0;
  std::vector<ProxyRow> proxies;  // this one first; empty: it is off, or nothing is known yet
};

class PageSources {
 public:
  static constexpr std::chrono::milliseconds kPatience{500};
  static constexpr std::size_t kMostClients = 200;      // shown
  static constexpr std::size_t kMostLookedAt = 10'000;  // of each worker's
  static constexpr std::size_t kMostSlowEntries = 100;
  static constexpr std::size_t kMostHotKeys = 50;

  virtual ~PageSources() = default;

  virtual std::string version() const = 0;
  virtual std::shared_ptr<const config::Config> config() const = 0;
  virtual config::Origins origins() const = 0;
  virtual access::Roster::SnapshotPtr users() const = 0;
  virtual session::ProcessFacts process() const = 0;
  virtual std::optional<std::string> whyNotReady() const = 0;
  virtual std::optional<std::string> whyNotAlive() const = 0;
  virtual cluster::TopologyPtr topology() const = 0;  // nullptr: not known yet
  virtual std::chrono::milliseconds topologyAge() const = 0;
  virtual observe::Present present() const = 0;
  virtual std::deque<observe::TrafficPoint> traffic() const = 0;
  virtual std::deque<observe::Happening> happenings() const = 0;
  virtual std::vector<DatabaseRow> databases() const = 0;
  virtual std::vector<telemetry::CertificateFacts> certificates() const = 0;
  // As of the last time that they were asked; they are asked again as long as this is called.
  virtual std::map<std::string, cluster::NodeReport> nodeReports() = 0;
  // `match`: part of the name, the address or the user; empty: all.
  virtual ClientList clients(const std::string& match) = 0;
  virtual SlowList slowLog() = 0;
  virtual telemetry::HotKeyList hotKeys() const = 0;
  // nullopt: there is none, or this proxy does not look.
  virtual std::optional<telemetry::MigrationProgress> migration() const = 0;
  virtual ProxyList proxies() const = 0;

  // --- what changes something; `who` is for the log ---
  virtual void pause(std::chrono::milliseconds duration, const std::string& who) = 0;
  virtual void resume(const std::string& who) = 0;
  // False: there is no such client, as far as is known in time.
  virtual bool killClient(std::uint64_t id, const std::string& who) = 0;
  virtual void resetStatistics() = 0;
  virtual void reload() = 0;
};

}  // namespace slotless::page
