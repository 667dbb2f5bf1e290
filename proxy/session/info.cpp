#include "proxy/session/info.h"

#include <unistd.h>

#include <algorithm>

#include "protocol/ascii.h"

namespace slotless::session {

namespace {

struct Writer {
  std::string text;

  void line(std::string_view key, std::string_view value) { ((text += key) += ':').append(value) += "\r\n"; }
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  void line(std::string_view key, Number value) { line(key, std::to_string(value)); }
};

void serverSection(Writer& out, const Services& services, const ProcessFacts& facts) {
  out.line("redis_version", serverVersion(services));
  out.line("redis_mode", "standalone");
  out.line("process_id", getpid());
  out.line("tcp_port", services.config.listen.empty() ? 0 : services.config.listen.front().port);
  out.line("uptime_in_seconds", facts.uptimeSeconds);
  out.line("uptime_in_days", facts.uptimeSeconds / 86400);
}

void clientsSection(Writer& out, const Services& services, const ProcessFacts& facts) {
  out.line("connected_clients", facts.clients);
  out.line("maxclients", services.config.maxClients);
  out.line("blocked_clients", 0);
}

void memorySection(Writer& out, const Services&, const ProcessFacts& facts) {
  out.line("used_memory", facts.residentBytes);
  out.line("used_memory_rss", facts.residentBytes);
}

void persistenceSection(Writer& out, const Services&, const ProcessFacts&) { out.line("loading", 0); }

void statsSection(Writer& out, const Services&, const ProcessFacts& facts) {
  out.line("total_connections_received", facts.clientsAccepted);
  out.line("total_commands_processed", facts.requests);
  out.line("total_net_input_bytes", facts.bytesReceived);
  out.line("total_net_output_bytes", facts.bytesSent);
  out.line("rejected_connections", facts.clientsRejected);
  out.line("total_error_replies", facts.errors);
}

void replicationSection(Writer& out, const Services&, const ProcessFacts&) {
  out.line("role", "master");
  out.line("connected_slaves", 0);
  out.line("master_failover_state", "no-failover");
}

void clusterSection(Writer& out, const Services&, const ProcessFacts&) { out.line("cluster_enabled", 0); }

struct Section {
  std::string_view name;
  void (*write)(Writer&, const Services&, const ProcessFacts&);
};

constexpr Section kSections[] = {
    {"Server", serverSection},           {"Clients", clientsSection}, {"Memory", memorySection},
    {"Persistence", persistenceSection}, {"Stats", statsSection},     {"Replication", replicationSection},
    {"Cluster", clusterSection},
};

bool wanted(std::string_view section, protocol::Argv sections) {
  return sections.empty() || std::any_of(sections.begin(), sections.end(), [&](std::string_view word) {
    return protocol::equalsIgnoringCase(word, section) || protocol::equalsIgnoringCase(word, "default") || protocol::equalsIgnoringCase(word, "all") || protocol::equalsIgnoringCase(word, "everything");
  });
}

}  // namespace

std::string_view serverVersion(const Services& services) {
  const std::string& version = services.links.topology().serverVersion;
  return version.empty() ? "7.0.0" : std::string_view(version);
}

std::string infoText(const Services& services, protocol::Argv sections) {
  const ProcessFacts facts = services.control.facts();
  Writer out;
  for (const Section& section : kSections) {
    if (!wanted(section.name, sections)) continue;
    if (!out.text.empty()) out.text += "\r\n";
    ((out.text += "# ") += section.name) += "\r\n";
    section.write(out, services, facts);
  }
  return std::move(out.text);
}

}  // namespace slotless::session
