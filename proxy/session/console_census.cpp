// PROXY CLIENTS, LINKS and MEMORY: what only each worker knows of itself.
#include <algorithm>

#include "protocol/encoder.h"
#include "proxy/session/client.h"
#include "proxy/session/client_facts.h"
#include "proxy/session/client_walk.h"
#include "proxy/session/console_commands.h"
#include "proxy/session/late_reply.h"
#include "proxy/session/slow_log.h"
#include "proxy/session/text_lines.h"

namespace slotless::session {

namespace {

using Texts = std::vector<std::string>;

// One text, the workers' parts in their order.
void textFromWorkers(LocalCall& call, AskWorker<std::string> ask) {
  replyFromWorkers<std::string>(call, std::move(ask),
                                [](const Texts& parts, Client& client, std::string& out) {
                                  std::string text;
                                  for (const std::string& part : parts) text += part;
                                  protocol::appendVerbatimText(out, client.protocol, text);
                                });
}

// By id: the line of each client.
using ClientLines = std::vector<std::pair<std::uint64_t, std::string>>;

void addLine(Services& services, std::size_t worker, Client& client, ClientLines& all) {
  const ClientFacts facts = factsOf(client, services);
  TextLines lines;
  lines.pair("id", facts.id)
      .pair("worker", worker)
      .pair("addr", facts.address)
      .pair("laddr", facts.localAddress);
  lines.pair("name", facts.name).pair("age", facts.ageSeconds).pair("idle", facts.idleSeconds);
  lines.pair("flags", facts.flags).pair("pending", facts.pending).pair("held", facts.held);
  lines.pair("input", facts.inputBytes).pair("output", facts.outputBytes).pair("multi", facts.queued);
  lines.pair("cmd", facts.command.empty() ? "NULL" : facts.command).pair("resp", facts.protocol);
  lines.pair("lib", facts.libraryName).end();
  all.emplace_back(facts.id, lines.text());
}

void appendLink(TextLines& lines, std::size_t worker, const upstream::Link& link, std::string_view use) {
  lines.pair("worker", worker)
      .pair("node", link.node().text())
      .pair("use", use)
      .pair("resp", link.protocol());
  lines.pair("state", telemetry::linkStateName(link.state())).pair("in-flight", link.inFlight());
  lines.pair("bytes-open", link.bytesOpen()).end();
}

std::string linksOf(Services& services, std::size_t worker) {
  TextLines lines;
  const auto shared = [&](const upstream::Link& link) { appendLink(lines, worker, link, "shared"); };
  const auto replica = [&](const upstream::Link& link) { appendLink(lines, worker, link, "replica"); };
  services.links.forEachLink(shared);
  services.resp3Links.forEachLink(shared);
  services.replicaLinks.forEachLink(replica);
  services.resp3ReplicaLinks.forEachLink(replica);
  services.leases.forEachLease(
      [&](const upstream::Link& link, std::string_view use) { appendLink(lines, worker, link, use); });
  return lines.text();
}

struct MemoryFacts {
  std::size_t blocksInUse = 0;
  std::size_t blocksIdle = 0;
  std::size_t requests = 0;
  std::size_t clients = 0;
  std::size_t slowEntries = 0;
};

MemoryFacts memoryOf(Services& services, std::size_t) {
  return {services.host.pool.bytesInUse(), services.host.pool.bytesIdle(),
          services.requests.inUse() * sizeof(Request), services.clients.size() * sizeof(Client),
          services.slowLog.entries().size()};
}

}  // namespace

void consoleClients(LocalCall& call) {
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
  const std::uint64_t resident = call.services.control.facts().residentBytes;
  replyFromWorkers<MemoryFacts>(
      call, memoryOf, [resident](const std::vector<MemoryFacts>& parts, Client& client, std::string& out) {
        MemoryFacts sum;
        for (const MemoryFacts& part : parts) {
          sum.blocksInUse += part.blocksInUse;
          sum.blocksIdle += part.blocksIdle;
          sum.requests += part.requests;
          sum.clients += part.clients;
          sum.slowEntries += part.slowEntries;
        }
        TextLines lines;
        lines.line("resident_bytes", resident);
        lines.line("buffers_in_use_bytes", sum.blocksInUse);
        lines.line("buffers_idle_bytes", sum.blocksIdle);
        lines.line("requests_bytes", sum.requests);
        lines.line("clients_bytes", sum.clients);
        lines.line("slowlog_entries", sum.slowEntries);
        protocol::appendVerbatimText(out, client.protocol, lines.text());
      });
}

}  // namespace slotless::session
