#include "proxy/telemetry/metrics_page.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "catch.h"
#include "proxy/net/tls_counts.h"
#include "proxy/telemetry/loop_turns.h"
#include "proxy/telemetry/process_stats.h"
#include "proxy/telemetry/trace_counts.h"
#include "proxy/telemetry/user_counts.h"

using namespace slotless::telemetry;
using namespace std::chrono_literals;

namespace {

// The page read back: the samples by their text before the value, and what HELP and TYPE say of each family.
struct Page {
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;
  std::set<std::string> helps;
  bool duplicates = false;

  double at(const std::string& series) const {
    const auto found = samples.find(series);
    INFO(series);
    REQUIRE(found != samples.end());
    return found->second;
  }
  bool hasFamily(const std::string& name) const { return types.count(name) == 1; }
};

Page parse(const std::string& text) {
  Page page;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark, kind, name, type;
    if (line.rfind("# ", 0) == 0) {
      words >> mark >> kind >> name >> type;
      if (kind == "HELP") page.helps.insert(name);
      if (kind == "TYPE") page.duplicates |= !page.types.emplace(name, type).second;
      continue;
    }
    const std::size_t space = line.rfind(' ');
    REQUIRE(space != std::string::npos);
    page.duplicates |= !page.samples.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second;
  }
  return page;
}

std::string familyOf(const std::string& series, const Page& page) {
  const std::string name = series.substr(0, series.find('{'));
  if (page.hasFamily(name)) return name;
  for (const std::string suffix : {"_bucket", "_sum", "_count"})
    if (name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0)
      return name.substr(0, name.size() - suffix.size());
  return name;
}

struct TwoWorkers {
  WorkerMetrics first{3, 16};
  WorkerMetrics second{3, 16};
  std::optional<TopologyFacts> facts;
  std::vector<DatabaseFacts> databases;
  std::vector<CertificateFacts> certificates;
  std::optional<PasswordCommandFacts> passwordCommand;
  std::optional<PeerFacts> peers;

  MetricsSources sources() {
    return {.version = "1.2.3",
            .revision = "abc",
            .workers = {&first, &second},
            .topology = [this] { return facts; },
            .databases = [this] { return databases; },
            .certificates = [this] { return certificates; },
            .passwordCommand = [this] { return passwordCommand; },
            .peers = [this] { return peers; },
            .commandName = [](std::size_t id) -> std::string_view {
              constexpr std::array<std::string_view, 3> kNames = {"get", "config|set", "we\"ird\\\n"};
              return kNames.at(id);
            }};
  }
  Page page() { return parse(renderMetrics(sources())); }
};

}  // namespace

TEST_CASE("databases that are used show their requests and keys") {
  TwoWorkers workers;
  workers.databases = {{0, std::nullopt}, {1, 7}, {2, 0}, {3, 5}};
  workers.first.databaseRequests(0)->add(2);
  workers.second.databaseRequests(0)->add(1);
  workers.second.databaseRequests(1)->add(4);
  const Page page = workers.page();
  CHECK(page.samples.at("slotless_database_requests_total{database=\"0\"}") == 3);
  CHECK(page.samples.at("slotless_database_requests_total{database=\"1\"}") == 4);
  CHECK(page.samples.at("slotless_database_keys{database=\"1\"}") == 7);
  CHECK(page.samples.at("slotless_database_keys{database=\"3\"}") == 5);
  CHECK(page.samples.count("slotless_database_keys{database=\"0\"}") == 0);
  CHECK(page.samples.count("slotless_database_requests_total{database=\"2\"}") == 0);
}

TEST_CASE("users show what their clients have had") {
  TwoWorkers workers;
  CHECK_FALSE(workers.page().hasFamily("slotless_user_requests_total"));
  UserCounts::ofProcess().tell(&workers, {{"ann", {1, 2, 3, 4}}});
  const Page page = workers.page();
  CHECK(page.samples.at("slotless_user_requests_total{user=\"ann\"}") == 1);
  CHECK(page.samples.at("slotless_user_errors_total{user=\"ann\"}") == 2);
  CHECK(page.samples.at("slotless_user_received_bytes_total{user=\"ann\"}") == 3);
  CHECK(page.samples.at("slotless_user_sent_bytes_total{user=\"ann\"}") == 4);
  UserCounts::ofProcess().withdraw(&workers);
}

TEST_CASE("certificates tell when they end, and handshakes what has become of them") {
  TwoWorkers workers;
  CHECK_FALSE(workers.page().hasFamily("slotless_tls_certificate_expiry_seconds"));
  workers.certificates = {{"clients", "/etc/tls.crt", 2'000'000'000}};
  slotless::net::TlsCounts& counts = slotless::net::TlsCounts::ofProcess();
  counts.succeeded(slotless::net::TlsSide::Clients, "TLSv1.3", true);
  counts.failed(slotless::net::TlsSide::Nodes, slotless::net::TlsFailure::Certificate, "n:1", "expired");
  const Page page = workers.page();
  CHECK(page.at("slotless_tls_certificate_expiry_seconds{side=\"clients\",file=\"/etc/tls.crt\"}") ==
        2'000'000'000);
  CHECK(page.at("slotless_tls_handshakes_total{side=\"clients\",version=\"TLSv1.3\",resumed=\"yes\"}") == 1);
  CHECK(page.at("slotless_tls_failures_total{side=\"nodes\",reason=\"certificate\"}") == 1);
  CHECK(page.at("slotless_tls_failures_total{side=\"clients\",reason=\"no_tls\"}") == 0);
}

TEST_CASE("the program that tells the password shows how it fares, and when what it told expires") {
  using namespace std::chrono_literals;
  TwoWorkers workers;
  CHECK_FALSE(workers.page().hasFamily("slotless_password_command_runs_total"));
  workers.passwordCommand = {5, 2, {}};
  Page page = workers.page();
  CHECK(page.at("slotless_password_command_runs_total") == 5);
  CHECK(page.at("slotless_password_command_failures_total") == 2);
  CHECK_FALSE(page.hasFamily("slotless_password_seconds_until_expiry"));
  workers.passwordCommand->expiresIn = -1500ms;
  CHECK(workers.page().at("slotless_password_seconds_until_expiry") == -1.5);
}

TEST_CASE("spans that are sent, dropped or wait are shown once there are any") {
  TwoWorkers workers;
  TraceCounts& counts = TraceCounts::ofProcess();
  CHECK_FALSE(counts.any());
  CHECK_FALSE(workers.page().hasFamily("slotless_trace_spans_exported_total"));
  counts.addDropped(TraceDrop::Rejected, 2);
  CHECK(counts.any());
  counts.addExported(7);
  counts.addFailure(TraceFailure::Busy);
  counts.setWaiting(5);
  const Page page = workers.page();
  CHECK(page.at("slotless_trace_spans_exported_total") == 7);
  CHECK(page.at("slotless_trace_spans_dropped_total{reason=\"rejected\"}") == 2);
  CHECK(page.at("slotless_trace_spans_dropped_total{reason=\"full\"}") == 0);
  CHECK(page.at("slotless_trace_exports_failed_total{reason=\"busy\"}") == 1);
  CHECK(page.at("slotless_trace_exports_failed_total{reason=\"timeout\"}") == 0);
  CHECK(page.at("slotless_trace_spans_waiting") == 5);
}

TEST_CASE("every sample on the metrics page is described, named by us and unique") {
  TwoWorkers workers;
  workers.facts = TopologyFacts{};
  for (std::size_t id = 0; id < 4; ++id) workers.first.command(id).record(1ms, true);
  workers.first.addNode("127.0.0.1:7001");
  const Page page = workers.page();
  CHECK_FALSE(page.duplicates);
  CHECK(page.samples.size() > 80);
  std::set<std::string> used;
  for (const auto& [series, value] : page.samples) {
    const std::string family = familyOf(series, page);
    INFO(series);
    CHECK((family.rfind("slotless_", 0) == 0 || family.rfind("process_", 0) == 0));
    CHECK(page.hasFamily(family));
    CHECK(page.helps.count(family) == 1);
    CHECK(value >= 0);
    used.insert(family);
  }
  for (const auto& [family, type] : page.types) {
    INFO(family);
    CHECK(used.count(family) == 1);
    const bool total = family.size() > 6 && family.compare(family.size() - 6, 6, "_total") == 0;
    CHECK(total == (type == "counter"));
  }
}

TEST_CASE("numbers are summed over the workers") {
  TwoWorkers workers;
  workers.first.clients.set(2);
  workers.second.clients.set(5);
  workers.first.clientsAccepted.add(10);
  workers.second.clientsRejected.add(4);
  workers.second.bytesReceived.add(100);
  workers.first.heldBytes.set(7);
  workers.first.redirects[static_cast<std::size_t>(Redirect::Ask)].add(3);
  workers.second.redirects[static_cast<std::size_t>(Redirect::Ask)].add(4);
  workers.second.limits[static_cast<std::size_t>(Limit::OutputHard)].add();
  const Page page = workers.page();
  CHECK(page.at("slotless_workers") == 2);
  CHECK(page.at("slotless_clients") == 7);
  CHECK(page.at("slotless_clients_accepted_total") == 10);
  CHECK(page.at("slotless_clients_rejected_total") == 4);
  CHECK(page.at("slotless_bytes_received_total") == 100);
  CHECK(page.at("slotless_held_bytes") == 7);
  CHECK(page.at("slotless_redirects_total{kind=\"ask\"}") == 7);
  CHECK(page.at("slotless_redirects_total{kind=\"moved\"}") == 0);
  CHECK(page.at("slotless_limit_hits_total{limit=\"output_hard\"}") == 1);
}

TEST_CASE("only commands that were seen are on the page, their histograms cumulative and in seconds") {
  TwoWorkers workers;
  workers.first.command(1).record(50us, false);
  workers.first.command(1).record(51us, false);
  workers.second.command(1).record(2s, true);
  workers.second.command(1).record(11s, true);
  const Page page = workers.page();
  CHECK(page.at("slotless_requests_total{command=\"config|set\"}") == 4);
  CHECK(page.at("slotless_request_errors_total{command=\"config|set\"}") == 2);
  CHECK(page.samples.count("slotless_requests_total{command=\"get\"}") == 0);
  const std::string bucket = "slotless_request_duration_seconds_bucket{command=\"config|set\",le=\"";
  CHECK(page.at(bucket + "5e-05\"}") == 1);
  CHECK(page.at(bucket + "0.0001\"}") == 2);
  CHECK(page.at(bucket + "1\"}") == 2);
  CHECK(page.at(bucket + "2\"}") == 3);
  CHECK(page.at(bucket + "10\"}") == 3);
  CHECK(page.at(bucket + "+Inf\"}") == 4);
  CHECK(page.at("slotless_request_duration_seconds_count{command=\"config|set\"}") == 4);
  const double sum = page.at("slotless_request_duration_seconds_sum{command=\"config|set\"}");
  CHECK(std::abs(sum - 13.000101) < 1e-9);
}

TEST_CASE("turns of loops are counted for each thread and summed on the page") {
  TwoWorkers workers;
  const std::string bucket = "slotless_loop_turn_seconds_bucket{le=\"";
  const Page before = workers.page();
  const auto grown = [&](const Page& page, const std::string& series) {
    return page.at(series) - before.at(series);
  };
  const auto now = std::chrono::steady_clock::time_point(1h);
  noteTurn(20ms, now);
  noteTurn(20ms + 1us, now);
  CHECK(&turnsOfThisThread() == &turnsOfThisThread());
  const LoopTurns* others = nullptr;
  std::thread([&] {
    noteTurn(40us, now);
    others = &turnsOfThisThread();
  }).join();
  CHECK(others != &turnsOfThisThread());
  const Page page = workers.page();  // what a thread has counted stays when it has ended
  CHECK(grown(page, bucket + "5e-05\"}") == 1);
  CHECK(grown(page, bucket + "0.02\"}") == 2);
  CHECK(grown(page, bucket + "0.05\"}") == 3);
  CHECK(grown(page, "slotless_loop_turn_seconds_count") == 3);
  CHECK(std::abs(grown(page, "slotless_loop_turn_seconds_sum") - 0.040041) < 1e-9);
  // The thread has not run for that long.
  CHECK(grown(page, "slotless_loop_turn_cpu_seconds_count") == 3);
  CHECK(grown(page, "slotless_loop_turn_cpu_seconds_sum") < 0.040041);
}

TEST_CASE("unknown commands share one label and label values are escaped") {
  TwoWorkers workers;
  workers.first.unknownCommand().record(1us, true);
  workers.second.command(999).record(1us, true);
  workers.second.command(2).record(1us, false);
  const Page page = workers.page();
  CHECK(page.at("slotless_requests_total{command=\"unknown\"}") == 2);
  CHECK(page.at(R"(slotless_requests_total{command="we\"ird\\\n"})") == 1);
}

TEST_CASE("links are counted by node and state, nodes summed over the workers") {
  TwoWorkers workers;
  const auto ready = static_cast<std::int64_t>(LinkState::Ready);
  NodeMetrics& one = workers.first.addNode("[::1]:7001");
  NodeMetrics& two = workers.second.addNode("[::1]:7001");
  one.state.set(ready);
  two.state.set(static_cast<std::int64_t>(LinkState::BackingOff));
  workers.second.addNode("[::1]:7001").state.set(ready);
  one.requests.add(2);
  two.requests.add(3);
  one.inFlight.set(4);
  two.losses.add();
  const Page page = workers.page();
  CHECK(page.at("slotless_links{node=\"[::1]:7001\",state=\"ready\"}") == 2);
  CHECK(page.at("slotless_links{node=\"[::1]:7001\",state=\"backing_off\"}") == 1);
  CHECK(page.at("slotless_links{node=\"[::1]:7001\",state=\"connecting\"}") == 0);
  CHECK(page.at("slotless_node_requests_total{node=\"[::1]:7001\"}") == 5);
  CHECK(page.at("slotless_node_in_flight_requests{node=\"[::1]:7001\"}") == 4);
  CHECK(page.at("slotless_node_losses_total{node=\"[::1]:7001\"}") == 1);
}

TEST_CASE("a node's totals never fall while one worker still has it, and it leaves the page with the last") {
  TwoWorkers workers;
  NodeMetrics& one = workers.first.addNode("n:1");
  NodeMetrics& two = workers.second.addNode("n:1");
  one.requests.add(100);
  two.requests.add(1);
  workers.first.dropNode(one);
  CHECK(workers.page().at("slotless_node_requests_total{node=\"n:1\"}") == 101);
  workers.second.dropNode(two);
  CHECK(workers.page().samples.count("slotless_node_requests_total{node=\"n:1\"}") == 0);
  workers.second.addNode("n:1");
  CHECK(workers.page().at("slotless_node_requests_total{node=\"n:1\"}") == 101);
}

TEST_CASE("the topology's facts are on the page, and no age before there is one") {
  TwoWorkers workers;
  const Page before = workers.page();
  CHECK(before.at("slotless_topology_version") == 0);
  CHECK(before.at("slotless_slots_covered") == 0);
  CHECK_FALSE(before.hasFamily("slotless_topology_age_seconds"));
  workers.facts =
      TopologyFacts{.version = 7, .age = 1500ms, .slotsCovered = 16384, .masters = 3, .replicas = 4};
  const Page after = workers.page();
  CHECK(after.at("slotless_topology_version") == 7);
  CHECK(after.at("slotless_topology_age_seconds") == 1.5);
  CHECK(after.at("slotless_slots_covered") == 16384);
  CHECK(after.at("slotless_masters") == 3);
  CHECK(after.at("slotless_replicas") == 4);
}

TEST_CASE("other proxies are on the page where they are listened for") {
  TwoWorkers workers;
  CHECK_FALSE(workers.page().hasFamily("slotless_peers"));
  workers.peers = PeerFacts{.heard = 2,
                            .isChannelUp = true,
                            .messagesSaid = 3,
                            .messagesHeard = 4,
                            .messagesUnread = 5,
                            .vanished = 6};
  const Page page = workers.page();
  CHECK(page.at("slotless_peers") == 2);
  CHECK(page.at("slotless_peer_channel_up") == 1);
  CHECK(page.at("slotless_peer_messages_total{direction=\"said\"}") == 3);
  CHECK(page.at("slotless_peer_messages_total{direction=\"heard\"}") == 4);
  CHECK(page.at("slotless_peer_messages_total{direction=\"unread\"}") == 5);
  CHECK(page.at("slotless_peers_vanished_total") == 6);
  workers.peers->isChannelUp = false;
  CHECK(workers.page().at("slotless_peer_channel_up") == 0);
}

TEST_CASE("the build is told by labels") {
  TwoWorkers workers;
  const std::string text = renderMetrics(workers.sources());
  CHECK(text.find("slotless_build_info{version=\"1.2.3\",revision=\"abc\",compiler=\"") != std::string::npos);
}

TEST_CASE("the process tells its own size, descriptors, time and start, as far as there is a /proc") {
  const ProcessStats before = readProcessStats();
  int pipeEnds[2];
  REQUIRE(pipe(pipeEnds) == 0);
  const ProcessStats during = readProcessStats();
  close(pipeEnds[0]);
  close(pipeEnds[1]);
  TwoWorkers workers;
  const Page page = workers.page();

  CHECK(before.maxDescriptors > 0U);
  CHECK(before.cpuSeconds >= 0.0);
  CHECK(during.cpuSeconds >= before.cpuSeconds);
  CHECK(page.hasFamily("process_cpu_seconds_total"));
  CHECK(page.hasFamily("process_max_fds"));

  const bool hasProc = access("/proc/self/stat", R_OK) == 0;
  for (const char* name : {"process_resident_memory_bytes", "process_virtual_memory_bytes",
                           "process_open_fds", "process_threads", "process_start_time_seconds"}) {
    INFO(name);
    CHECK(page.hasFamily(name) == hasProc);
  }
  CHECK(before.openDescriptors.has_value() == hasProc);
  CHECK(before.startUnixSeconds.has_value() == hasProc);
  if (!hasProc) return;
  CHECK(*during.openDescriptors == *before.openDescriptors + 2);
  CHECK(before.residentBytes > 100'000U);
  CHECK(before.virtualBytes >= before.residentBytes);
  CHECK(before.threads >= 1U);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(*before.startUnixSeconds <= now + 2);  // the kernel tells its boot in whole seconds
  CHECK(*before.startUnixSeconds > now - 86400);
}

TEST_CASE("resident memory is told by itself as it is among all facts") {
  constexpr std::size_t kBytes = 64U << 20U;
  const auto before = readResidentMemory();
  if (!before) return;  // no /proc
  const std::vector<char> block(kBytes, 'x');
  const auto after = readResidentMemory();
  REQUIRE(after);
  CHECK(after->bytes >= before->bytes + kBytes / 2);
  CHECK(after->fileBytes > 0);
  CHECK(after->fileBytes < after->bytes);
  CHECK(block.back() == 'x');
}
