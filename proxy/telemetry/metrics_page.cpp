#include "proxy/telemetry/metrics_page.h"

#include <prometheus/text_serializer.h>

#include "proxy/telemetry/log.h"
#include "proxy/telemetry/metric_families.h"
#include "proxy/telemetry/process_stats.h"

namespace slotless::telemetry {
namespace {

using prometheus::MetricType;

void addGauge(Families& families, std::string_view name, std::string_view help, double value) {
  auto family = makeFamily(name, help, MetricType::Gauge);
  addSample(family, value);
  families.push_back(std::move(family));
}

void collectBuild(const MetricsSources& sources, Families& families) {
  auto family =
      makeFamily("slotless_build_info", "Always 1; what runs here is in the labels.", MetricType::Gauge);
  addSample(family, 1,
            {{"version", sources.version}, {"revision", sources.revision}, {"compiler", __VERSION__}});
  families.push_back(std::move(family));
}

void collectPasswordCommand(const MetricsSources& sources, Families& families) {
  const std::optional<PasswordCommandFacts> facts = sources.passwordCommand();
  if (!facts) return;
  const auto addCounter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    auto family = makeFamily(name, help, MetricType::Counter);
    addSample(family, static_cast<double>(value));
    families.push_back(std::move(family));
  };
  addCounter("slotless_password_command_runs_total", "Runs of password-command.", facts->runs);
  addCounter("slotless_password_command_failures_total",
             "Runs of password-command that brought no password: the last one stays.", facts->failures);
  if (facts->expiresIn) {
    addGauge(families, "slotless_password_seconds_until_expiry",
             "Until the password expires that password-command has told; negative: since then.",
             std::chrono::duration<double>(*facts->expiresIn).count());
  }
}

void collectPeers(const MetricsSources& sources, Families& families) {
  const std::optional<PeerFacts> facts = sources.peers();
  if (!facts) return;
  addGauge(families, "slotless_peers", "Other proxies of the cluster that are heard.",
           static_cast<double>(facts->heard));
  addGauge(families, "slotless_peer_channel_up",
           "Whether this proxy hears itself on the channel of all proxies: 1, or 0.",
           facts->isChannelUp ? 1 : 0);
  auto messages =
      makeFamily("slotless_peer_messages_total",
                 "Messages between proxies: said, heard of others, and not understood.", MetricType::Counter);
  addSample(messages, static_cast<double>(facts->messagesSaid), {{"direction", "said"}});
  addSample(messages, static_cast<double>(facts->messagesHeard), {{"direction", "heard"}});
  addSample(messages, static_cast<double>(facts->messagesUnread), {{"direction", "unread"}});
  families.push_back(std::move(messages));
  auto vanished =
      makeFamily("slotless_peers_vanished_total",
                 "Other proxies that were not heard for more than three seconds.", MetricType::Counter);
  addSample(vanished, static_cast<double>(facts->vanished));
  families.push_back(std::move(vanished));
}

// All at scrape time: between two scrapes nothing is computed or kept.
class PageCollectable final : public prometheus::Collectable {
 public:
  explicit PageCollectable(const MetricsSources& sources) : sources_(sources) {}

  Families Collect() const override {
    Families families;
    collectBuild(sources_, families);
    collectWorkers(sources_, families);
    collectTurns(families);
    collectCommands(sources_, families);
    collectNodes(sources_, families);
    collectDatabases(sources_, families);
    collectUsers(families);
    collectCrossSlot(families);
    collectHotKeys(families);
    collectShadow(families);
    collectMigration(families);
    collectTraces(families);
    collectTls(sources_, families);
    collectPasswordCommand(sources_, families);
    collectPeers(sources_, families);
    collectTopology(sources_, families);
    collectProcess(families);
    if (sources_.memoryInUse)
      addGauge(families, "slotless_memory_in_use_bytes",
               "Allocated since the start: what memory-limit is about.",
               static_cast<double>(sources_.memoryInUse()));
    // A HELP and TYPE without samples says nothing.
    std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
    return families;
  }

 private:
  const MetricsSources& sources_;
};

}  // namespace

void addHistogram(prometheus::MetricFamily& family, const HistogramSum& sum, Labels labels) {
  constexpr double kMicrosPerSecond = 1e6;
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < kLatencyBoundsMicros.size(); ++i) {
    cumulative += sum.buckets[i];
    metric.histogram.bucket.push_back(
        {cumulative, static_cast<double>(kLatencyBoundsMicros[i]) / kMicrosPerSecond});
  }
  // The count is the sum of the buckets and not a counter of its own: the worker writes on while we read, and
  // they must agree.
  metric.histogram.sample_count = cumulative + sum.buckets.back();
  metric.histogram.sample_sum = static_cast<double>(sum.micros) / kMicrosPerSecond;
}

void collectTopology(const MetricsSources& sources, Families& families) {
  const std::optional<TopologyFacts> known = sources.topology();
  const TopologyFacts facts = known.value_or(TopologyFacts{});
  addGauge(families, "slotless_topology_version",
           "Rises with each change of the topology; 0 before the first.", static_cast<double>(facts.version));
  addGauge(families, "slotless_slots_covered", "Slots with a known master, of 16384.", facts.slotsCovered);
  addGauge(families, "slotless_masters", "Masters in the topology.", facts.masters);
  addGauge(families, "slotless_replicas", "Replicas in the topology.", facts.replicas);
  if (known)  // an age of nothing would look fresh
    addGauge(families, "slotless_topology_age_seconds", "Since the cluster last confirmed the topology.",
             std::chrono::duration<double>(facts.age).count());
}

void collectProcess(Families& families) {
  const ProcessStats stats = readProcessStats();
  const auto add = [&](std::string_view name, std::string_view help, MetricType type, const auto& fact) {
    if (!fact) return;
    auto family = makeFamily(name, help, type);
    addSample(family, static_cast<double>(*fact));
    families.push_back(std::move(family));
  };
  add("process_cpu_seconds_total", "User and system CPU time spent.", MetricType::Counter, stats.cpuSeconds);
  add("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge, stats.residentBytes);
  add("process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge, stats.virtualBytes);
  add("process_open_fds", "Open file descriptors.", MetricType::Gauge, stats.openDescriptors);
  add("process_max_fds", "Limit of open file descriptors.", MetricType::Gauge, stats.maxDescriptors);
  add("process_threads", "Threads.", MetricType::Gauge, stats.threads);
  add("process_start_time_seconds", "Start of the process since the Unix epoch.", MetricType::Gauge,
      stats.startUnixSeconds);
  add("slotless_log_lines_lost_total", "Log lines that were given up because nobody read stderr in time.",
      MetricType::Counter, std::optional(log::lostLines()));
}

std::string renderMetrics(const MetricsSources& sources) {
  return prometheus::TextSerializer().Serialize(PageCollectable(sources).Collect());
}

}  // namespace slotless::telemetry
