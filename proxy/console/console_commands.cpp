#include "proxy/console/console_commands.h"

#include <fnmatch.h>

#include <algorithm>

#include "config/pages.h"
#include "config/schema.h"
#include "config/value.h"
#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

using protocol::appendBulk;
using protocol::appendError;

namespace {

constexpr std::string_view kHelp[] = {
    "PROXY <subcommand> [<arg> ...]. Subcommands are:",
    "CLIENTS [ALL]",
    "    One line per client of this proxy, over all workers. ALL: and of all other proxies of this cluster.",
    "CONFIG [GET <pattern> | SET <name> <value> [<name> <value> ...] [ALL]]",
    "    The configuration in force; secrets are masked. SET: what CONFIG SET takes of the proxy's own, at this",
    "    proxy, or at all of this cluster; for administrators.",
    "CUT-OVER [STATUS | PREPARE <id> <patience> <hold> <side> | SETTLE <id> <side>]",
    "    Which side is in force (upstream migrating); the rest is for slotless migrate cut-over. For administrators.",
    "DATABASES",
    "    One line per database: its layout, its requests, and what the clients that stand in it have.",
    "EXPLAIN <command> [<arg> ...]",
    "    Where a command would go and why. Nothing is sent.",
    "HOTKEYS [<count> | RESET]",
    "    One line per key, those used most in the last minute first, over all workers.",
    "KILL <filter> <value> [<filter> <value> ...] [ALL]",
    "    As CLIENT KILL. ALL: at all proxies of this cluster. For administrators.",
    "LINKS",
    "    One line per connection to a node, over all workers.",
    "MEMORY",
    "    What the memory of this process is used for.",
    "NODES",
    "    One line per node of the cluster, as this proxy sees it.",
    "PAUSE [<milliseconds> [<duration> [ALL]]]",
    "    Hold new requests of all clients; replies when none is in flight, or with an error after that time.",
    "    Ends after <duration> milliseconds, or without it when this connection is closed. ALL: at all proxies of",
    "    this cluster; the reply comes within a second, with what is still in flight. For administrators.",
    "PEERS",
    "    One line about what is heard of other proxies, and one per proxy of this cluster, this one first.",
    "RESUME [ALL]",
    "    End every PAUSE, here or at all proxies of this cluster. For administrators.",
    "SHADOW",
    "    What came of the reads that were asked again on both sides (shadow-sample).",
    "SLOTS",
    "    One line per range of slots and the master that serves it.",
    "SLOWLOG [<count>]",
    "    The entries of SLOWLOG GET, with the node and the microseconds spent there.",
    "STATS",
    "    Counters and gauges, over all workers.",
    "USERS",
    "    One line per user who has had clients: what those have together that are connected, and what all have had.",
    "VERSION",
    "    The version of this proxy.",
    "HELP",
    "    Print this help.",
};

void answerText(LocalCall& call, const TextLines& lines) {
  protocol::appendVerbatimText(call.out, call.client.protocol, lines.text());
}

std::size_t slotsOf(const cluster::Topology& topology, cluster::NodeIndex node) {
  return static_cast<std::size_t>(std::count(topology.owners.begin(), topology.owners.end(), node));
}

struct NodeSums {
  std::size_t links = 0;
  std::size_t ready = 0;
  std::size_t silent = 0;
  std::int64_t inFlight = 0;
  std::uint64_t requests = 0;
  std::uint64_t losses = 0;
};

NodeSums sumsOf(const Services& services, const std::string& address) {
  NodeSums sums;
  services.control.visitMetrics([&](const telemetry::WorkerMetrics& metrics) {
    metrics.forEachNode([&](const telemetry::NodeMetrics& link) {
      if (link.node != address) return;
      ++sums.links;
      sums.ready += link.state.value() == static_cast<std::int64_t>(telemetry::LinkState::Ready) ? 1U : 0U;
      sums.silent += link.state.value() == static_cast<std::int64_t>(telemetry::LinkState::Silent) ? 1U : 0U;
      sums.inFlight += link.inFlight.value();
      sums.requests += link.requests.value();
      sums.losses += link.losses.value();
    });
  });
  return sums;
}

struct GaugeRow {
  std::string_view name;
  std::int64_t (*value)(const telemetry::WorkerMetrics&);
};
constexpr GaugeRow kRows[] = {
    {"clients", [](const auto& m) { return m.clients.value(); }},
    {"paused_workers", [](const auto& m) { return m.paused.value(); }},
    {"blocked_clients", [](const auto& m) { return m.blockedClients.value(); }},
    {"requests_in_flight", [](const auto& m) { return m.inFlightRequests.value(); }},
    {"requests_held", [](const auto& m) { return m.heldRequests.value(); }},
    {"bytes_held", [](const auto& m) { return m.heldBytes.value(); }},
    {"leases_transactions", [](const auto& m) { return m.transactionLeases.value(); }},
    {"leases_blocking", [](const auto& m) { return m.blockingLeases.value(); }},
    {"leases_tracking", [](const auto& m) { return m.trackingLeases.value(); }},
    {"leases_alone", [](const auto& m) { return m.loneLeases.value(); }},
    {"retries", [](const auto& m) { return static_cast<std::int64_t>(m.retries.value()); }},
    {"ambiguous_writes", [](const auto& m) { return static_cast<std::int64_t>(m.ambiguousWrites.value()); }},
    {"cross_protocol", [](const auto& m) { return static_cast<std::int64_t>(m.crossProtocol.value()); }},
    {"protocol_errors", [](const auto& m) { return static_cast<std::int64_t>(m.protocolErrors.value()); }},
};

template <typename Value>
std::int64_t sumOver(const Services& services, Value value) {
  std::int64_t sum = 0;
  services.control.visitMetrics([&](const telemetry::WorkerMetrics& metrics) { sum += value(metrics); });
  return sum;
}

// "EVAL_RO nodes=a:1,b:2 times=3 error=NOPERM …"
std::string textOf(const telemetry::Denials::Row& row) {
  std::string nodes;
  for (const std::string& node : row.nodes) nodes += (nodes.empty() ? "" : ",") + node;
  return std::string(telemetry::factOf(row.what).name) + " nodes=" + nodes +
         " times=" + std::to_string(row.times) + " error=" + row.error;
}

std::string shownValue(const config::Option& option, const config::Config& config) {
  std::string value = config::format(option, config);
  return option.isSecret() && !value.empty() ? "********" : value;
}

}  // namespace

void consoleHelp(LocalCall& call) {
  protocol::appendArrayHeader(call.out, std::size(kHelp));
  for (const std::string_view line : kHelp) protocol::appendSimple(call.out, line);
}

void consoleVersion(LocalCall& call) {
  const std::string page = config::versionPage();
  appendBulk(call.out, std::string_view(page).substr(0, page.find('\n')));
}

namespace {

bool isJoining(const cluster::Topology& topology, cluster::NodeIndex node) {
  return std::any_of(topology.nodes.begin(), topology.nodes.end(), [&](const cluster::Node& master) {
    return std::find(master.joining.begin(), master.joining.end(), node) != master.joining.end();
  });
}

}  // namespace

void consoleNodes(LocalCall& call) {
  TextLines lines;
  const cluster::Topology& topology = call.services.links.topology();
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const cluster::Node& node = topology.nodes[i];
    const NodeSums sums = sumsOf(call.services, node.address.text());
    lines.pair("node", node.address.text())
        .pair("id", node.id)
        .pair("role", node.master ? "master" : "replica");
    if (isJoining(topology, static_cast<cluster::NodeIndex>(i))) lines.pair("received", "nothing");
    lines.pair("epoch", node.epoch).pair("slots", slotsOf(topology, static_cast<cluster::NodeIndex>(i)));
    lines.pair("links", sums.links).pair("links-ready", sums.ready).pair("links-silent", sums.silent);
    lines.pair("in-flight", sums.inFlight);
    lines.pair("requests", sums.requests).pair("losses", sums.losses).end();
  }
  answerText(call, lines);
}

void consoleSlots(LocalCall& call) {
  TextLines lines;
  const cluster::Topology& topology = call.services.links.topology();
  for (std::size_t from = 0; from < topology.owners.size();) {
    const cluster::NodeIndex owner = topology.owners[from];
    std::size_t to = from;
    while (to + 1 < topology.owners.size() && topology.owners[to + 1] == owner) ++to;
    const bool served = owner != cluster::kNoNode;
    lines.pair("slots", std::to_string(from) + "-" + std::to_string(to));
    lines.pair("node", served ? topology.nodes[owner].address.text() : "none").end();
    from = to + 1;
  }
  answerText(call, lines);
}

void consoleStats(LocalCall& call) {
  const ProcessFacts facts = call.services.control.facts();
  TextLines lines;
  lines.line("uptime_seconds", facts.uptimeSeconds);
  lines.line("topology_version", call.services.links.topology().version);
  lines.line("clients_accepted", facts.clientsAccepted);
  lines.line("clients_rejected", facts.clientsRejected);
  lines.line("requests", facts.requests);
  lines.line("errors", facts.errors);
  lines.line("bytes_received", facts.bytesReceived);
  lines.line("bytes_sent", facts.bytesSent);
  for (const GaugeRow& row : kRows) lines.line(row.name, sumOver(call.services, row.value));
  for (std::size_t i = 0; i < static_cast<std::size_t>(telemetry::Redirect::Count); ++i) {
    lines.line("redirects_" + std::string(telemetry::redirectName(static_cast<telemetry::Redirect>(i))),
               sumOver(call.services,
                       [i](const auto& m) { return static_cast<std::int64_t>(m.redirects[i].value()); }));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(telemetry::Limit::Count); ++i) {
    lines.line("limit_hits_" + std::string(telemetry::limitName(static_cast<telemetry::Limit>(i))),
               sumOver(call.services,
                       [i](const auto& m) { return static_cast<std::int64_t>(m.limits[i].value()); }));
  }
  for (const telemetry::Denials::Row& row : call.services.denials.rows()) lines.line("denied", textOf(row));
  answerText(call, lines);
}

void consoleConfig(LocalCall& call) {
  const bool all = call.argv.size() == 2;
  if (!all && protocol::equalsIgnoringCase(call.argv[2], "set")) return consoleConfigSet(call);
  if (!all && (call.argv.size() != 4 || !protocol::equalsIgnoringCase(call.argv[2], "get"))) {
    return appendError(call.out, "ERR syntax error: PROXY CONFIG [GET pattern | SET name value ... [ALL]]");
  }
  const std::string pattern(all ? "*" : call.argv[3]);
  std::string pairs;
  std::size_t count = 0;
  for (const config::Option& option : config::schema()) {
    if (fnmatch(pattern.c_str(), std::string(option.name).c_str(), FNM_CASEFOLD) != 0) continue;
    appendBulk(pairs, option.name);
    appendBulk(pairs, shownValue(option, call.services.config));
    ++count;
  }
  protocol::appendMapHeader(call.out, call.client.protocol, count);
  call.out += pairs;
}

}  // namespace slotless::session
