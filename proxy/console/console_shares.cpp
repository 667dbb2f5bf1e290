// PROXY USERS and PROXY DATABASES: what each of them has of the proxy.
#include <algorithm>
#include <map>
#include <string>

#include "config/database_rule.h"
#include "protocol/encoder.h"
#include "proxy/commands/client_walk.h"
#include "proxy/console/console_commands.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/telemetry/user_counts.h"

namespace slotless::session {

namespace {

// Of clients that are connected.
struct Share {
  std::size_t clients = 0;
  std::size_t pending = 0;
  std::size_t held = 0;
  std::size_t memoryBytes = 0;
  std::uint64_t commands = 0;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;

  void add(const ClientFacts& facts) {
    add({1, facts.pending, facts.held, facts.memoryBytes, facts.commands, facts.bytesReceived,
         facts.bytesSent});
  }
  void add(const Share& other) {
    clients += other.clients;
    pending += other.pending;
    held += other.held;
    memoryBytes += other.memoryBytes;
    commands += other.commands;
    received += other.received;
    sent += other.sent;
  }
};

template <typename Key>
using Shares = std::map<Key, Share>;

template <typename Key>
Shares<Key> sumOf(const std::vector<Shares<Key>>& parts) {
  Shares<Key> all;
  for (const Shares<Key>& part : parts) {
    for (const auto& [key, share] : part) all[key].add(share);
  }
  return all;
}

void appendShare(TextLines& lines, const Share& share) {
  lines.pair("clients", share.clients).pair("pending", share.pending).pair("held", share.held);
  lines.pair("memory", share.memoryBytes);
  lines.pair("commands", share.commands).pair("received", share.received).pair("sent", share.sent);
}

// Since the start, as of about a second ago.
void appendFigures(TextLines& lines, const telemetry::UserFigures& figures) {
  lines.pair("total-requests", figures.requests).pair("total-errors", figures.errors);
  lines.pair("total-received", figures.receivedBytes).pair("total-sent", figures.sentBytes);
}

std::uint64_t requestsOf(const Services& services, std::size_t index) {
  std::uint64_t sum = 0;
  services.control.visitMetrics([&](const telemetry::WorkerMetrics& metrics) {
    if (const telemetry::Counter* counter = metrics.databaseRequests(index)) sum += counter->value();
  });
  return sum;
}

std::string databasesText(const Services& services, const Shares<std::uint32_t>& shares) {
  TextLines lines;
  for (const databases::Database& each : services.databases.all()) {
    if (each.layout == databases::Layout::Denied) continue;
    const std::string rule = config::formatDatabaseRule(config::ruleFor(services.config, each.index));
    lines.pair("db", each.index).pair("layout", rule.substr(rule.find('=') + 1));
    if (each.pinned()) lines.pair("slot", each.slot);
    lines.pair("requests", requestsOf(services, each.index));
    const auto found = shares.find(each.index);
    appendShare(lines, found == shares.end() ? Share{} : found->second);
    lines.end();
  }
  return lines.text();
}

}  // namespace

void consoleUsers(LocalCall& call) {
  replyAboutClients<Shares<std::string>>(
      call,
      [](Services& services, std::size_t, Client& client, Shares<std::string>& part) {
        const ClientFacts facts = factsOf(client, services);
        part[facts.user].add(facts);
      },
      [](const std::vector<Shares<std::string>>& parts, Client& client, std::string& out) {
        // Those whose clients have left have figures all the same.
        const telemetry::UserCounts::ByUser figures = telemetry::UserCounts::ofProcess().all();
        Shares<std::string> shares = sumOf(parts);
        for (const auto& [user, known] : figures) shares.try_emplace(user);
        TextLines lines;
        for (const auto& [user, share] : shares) {
          const auto known = figures.find(user);
          lines.pair("user", user);
          appendShare(lines, share);
          appendFigures(lines, known == figures.end() ? telemetry::UserFigures{} : known->second);
          lines.end();
        }
        protocol::appendVerbatimText(out, client.protocol, lines.text());
      });
}

void consoleDatabases(LocalCall& call) {
  replyAboutClients<Shares<std::uint32_t>>(
      call,
      [](Services& services, std::size_t, Client& client, Shares<std::uint32_t>& part) {
        part[client.database().index].add(factsOf(client, services));
      },
      [&services = call.services](const std::vector<Shares<std::uint32_t>>& parts, Client& client,
                                  std::string& out) {
        protocol::appendVerbatimText(out, client.protocol, databasesText(services, sumOf(parts)));
      });
}

}  // namespace slotless::session
