// PROXY CLIENTS, LINKS and MEMORY: what only each worker knows of itself.
#include <algorithm>
#include <numeric>

#include "protocol/encoder.h"
#include "proxy/commands/client_walk.h"
#include "proxy/commands/late_reply.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/console/all_proxies.h"
#include "proxy/console/console_commands.h"
#include "proxy/observe/slow_log.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/session/node_databases.h"
#include "proxy/session/node_users.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::session {

namespace {

using Texts = std::vector<std::string>;
// By id: the line of each client.
using ClientLines = std::vector<std::pair<std::uint64_t, std::string>>;

// One text, the workers' parts in their order.
void textFromWorkers(LocalCall& call, AskWorker<std::string> ask) {
  replyFromWorkers<std::string>(call, std::move(ask),
                                [](const Texts& parts, Client& client, std::string& out) {
                                  std::string text;
                                  for (const std::string& part : parts) text += part;
                                  protocol::appendVerbatimText(out, client.protocol, text);
                                });
}

void addLine(Services& services, std::size_t worker, Client& client, ClientLines& all) {
  all.emplace_back(client.id(), consoleClientLine(services, worker, client));
}

}  // namespace

std::string consoleClientLine(const Services& services, std::size_t worker, const Client& client) {
  const ClientFacts facts = factsOf(client, services);
  TextLines lines;
  lines.pair("id", facts.id)
      .pair("worker", worker)
      .pair("addr", facts.address)
      .pair("laddr", facts.localAddress);
  lines.pair("name", facts.name).pair("age", facts.ageSeconds).pair("idle", facts.idleSeconds);
  lines.pair("flags", facts.flags).pair("pending", facts.pending).pair("held", facts.held);
  lines.pair("memory", facts.memoryBytes);
  lines.pair("input", facts.inputBytes).pair("output", facts.outputBytes).pair("multi", facts.queued);
  lines.pair("cmd", facts.command.empty() ? "NULL" : facts.command).pair("resp", facts.protocol);
  lines.pair("lib", facts.libraryName);
  if (!facts.encryption.empty()) lines.pair("tls", facts.encryption);
  lines.end();
  return lines.text();
}

namespace {

void appendLink(TextLines& lines, std::size_t worker, const upstream::Link& link, std::string_view use,
                std::string_view user = {}) {
  lines.pair("worker", worker)
      .pair("node", link.node().text())
      .pair("use", use)
      .pair("resp", link.protocol());
  lines.pair("state", telemetry::linkStateName(link.state())).pair("in-flight", link.inFlight());
  lines.pair("bytes-open", link.bytesOpen());
  if (link.database() != 0) lines.pair("db", link.database());
  if (!user.empty()) lines.pair("user", user);
  if (const std::string encryption = link.encryption(); !encryption.empty()) lines.pair("tls", encryption);
  lines.end();
}

std::string linksOf(Services& services, std::size_t worker) {
  TextLines lines;
  services.ownLinks.forEachLink(
      [&](const upstream::Link& link, std::string_view use) { appendLink(lines, worker, link, use); });
  services.nodeDatabases->forEachSet([&](const upstream::LinkSet& links) {
    links.forEachLink(
        [&](const upstream::Link& link, std::string_view use) { appendLink(lines, worker, link, use); });
  });
  services.nodeUsers.forEach([&](const NodeUser& user) {
    const std::string_view name = user.name.empty() ? std::string_view("default") : user.name;
    user.links.forEachLink([&](const upstream::Link& link, std::string_view use) {
      appendLink(lines, worker, link, use, name);
    });
  });
  return lines.text();
}

std::size_t heldBy(const telemetry::WorkerMetrics& metrics, telemetry::MemoryKind kind) {
  return static_cast<std::size_t>(metrics.memory[static_cast<std::size_t>(kind)].value());
}

// What a worker tells for PROXY MEMORY.
struct Kept {
  std::size_t slowEntries = 0;
  std::size_t wrappedScriptBytes = 0;
};

Kept keptBy(Services& services, std::size_t) {
  return {services.slowLog.entries().size(), services.wrappedScripts.bytes()};
}

Kept operator+(const Kept& a, const Kept& b) {
  return {a.slowEntries + b.slowEntries, a.wrappedScriptBytes + b.wrappedScriptBytes};
}

// From what is resident down to what it is for. The kinds are as of each worker's last look, at most a second
// ago.
std::string memoryText(const Services& services, const Kept& kept) {
  const ProcessFacts facts = services.control.facts();
  TextLines lines;
  lines.line("resident_bytes", facts.residentBytes);
  lines.line("program_bytes", facts.programBytes);
  lines.line("heap_bytes", facts.heapBytes);
  const std::size_t shadow = telemetry::ShadowCounts::ofProcess().waiting();
  std::size_t told = facts.scriptBytes + kept.wrappedScriptBytes + shadow;
  for (std::size_t i = 0; i < static_cast<std::size_t>(telemetry::MemoryKind::Count); ++i) {
    const auto kind = static_cast<telemetry::MemoryKind>(i);
    std::size_t sum = 0;
    services.control.visitMetrics(
        [&](const telemetry::WorkerMetrics& metrics) { sum += heldBy(metrics, kind); });
    lines.line("heap_" + std::string(telemetry::memoryKindName(kind)) + "_bytes", sum);
    told += sum;
  }
  lines.line("heap_scripts_bytes", facts.scriptBytes);
  lines.line("heap_wrapped_scripts_bytes", kept.wrappedScriptBytes);
  lines.line("heap_shadow_bytes", shadow);
  lines.line("heap_rest_bytes", facts.heapBytes > told ? facts.heapBytes - told : 0);
  lines.line("limit_bytes", services.config.memoryLimit);
  lines.line("counted_for_limit_bytes", services.control.memoryInUse());
  lines.line("slowlog_entries", kept.slowEntries);
  return lines.text();
}

}  // namespace

void consoleClients(LocalCall& call) {
  if (asksAll(call, 2)) return forAllProxies(call);
  if (call.argv.size() > 2) return protocol::appendError(call.out, wrongArguments(call.argv, "PROXY"));
  replyAboutClients<ClientLines>(call, addLine,
                                 [](std::vector<ClientLines> parts, Client& client, std::string& out) {
                                   std::string text;
                                   for (ClientLines& part : parts) {
                                     std::sort(part.begin(), part.end());
                                     for (const auto& [id, line] : part) text += line;
                                   }
                                   protocol::appendVerbatimText(out, client.protocol, text);
                                 });
}

void consoleLinks(LocalCall& call) {
  textFromWorkers(call, linksOf);
}

void consoleMemory(LocalCall& call) {
  replyFromWorkers<Kept>(
      call, keptBy,
      [&services = call.services](const std::vector<Kept>& parts, Client& client, std::string& out) {
        const Kept all = std::accumulate(parts.begin(), parts.end(), Kept{});
        protocol::appendVerbatimText(out, client.protocol, memoryText(services, all));
      });
}

}  // namespace slotless::session
