// PROXY CLIENTS, LINKS and MEMORY: what only each worker knows of itself.
#include <algorithm>
#include <numeric>

#include "protocol/encoder.h"
#include "proxy/commands/client_walk.h"
#include "proxy/commands/late_reply.h"
#include "proxy/commands/memory_commands.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/console/all_proxies.h"
#include "proxy/console/console_commands.h"
#include "proxy/console/order_kinds.h"
#include "proxy/observe/slow_log.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/session/node_databases.h"
#include "proxy/session/node_users.h"

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

// From what is resident down to what it is for.
std::string memoryText(const Services& services, const Kept& kept) {
  const MemoryAccount account = memoryAccountOf(services, kept.wrappedScriptBytes);
  TextLines lines;
  lines.line("resident_bytes", account.residentBytes);
  lines.line("program_bytes", account.programBytes);
  lines.line("heap_bytes", account.heapBytes);
  for (const MemoryUse& use : account.uses) lines.line("heap_" + use.name + "_bytes", use.bytes);
  lines.line("heap_rest_bytes", account.restBytes());
  lines.line("limit_bytes", account.limitBytes);
  lines.line("counted_for_limit_bytes", account.countedBytes);
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
