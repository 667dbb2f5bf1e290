#include "proxy/doctor/node_probe.h"

#include <chrono>

#include "proxy/doctor/contact.h"
#include "proxy/doctor/key_probe.h"
#include "proxy/doctor/machine_probe.h"
#include "proxy/doctor/rights_probe.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::doctor {

namespace {

using subcommand::NodeClient;
using subcommand::Reply;

constexpr int kPings = 7;
constexpr std::string_view kSettings[] = {"maxmemory",
                                          "maxmemory-policy",
                                          "appendonly",
                                          "save",
                                          "maxclients",
                                          "timeout",
                                          "proto-max-bulk-len",
                                          "lua-time-limit",
                                          "notify-keyspace-events",
                                          "cluster-require-full-coverage",
                                          "cluster-allow-reads-when-down",
                                          "cluster-node-timeout",
                                          "cluster-preferred-endpoint-type"};

subcommand::ServerUrl urlOf(const net::Address& address, const config::Config& config) {
  return {address.host, address.port, config.clusterTls, config.username, config.password, 0};
}

subcommand::ConnectOptions connectOptions(const Asking& asking) {
  subcommand::ConnectOptions options;
  options.tls = subcommand::TlsFiles::of(asking.config);
  options.connectTimeout = asking.options.connectTimeout;
  options.replyTimeout = asking.options.replyTimeout;
  options.clientName = "slotless-doctor";
  return options;
}

// Without the address that stands in front of it.
std::string withoutUrl(const std::string& error, const NodeClient& client) {
  const std::string url = client.url().shown() + ": ";
  return error.starts_with(url) ? error.substr(url.size()) : error;
}

// An empty text where it is denied.
std::string textOf(const Reply& reply) {
  return reply.kind == Reply::Kind::Text || reply.kind == Reply::Kind::Status ? reply.text : std::string();
}

void askSettings(NodeClient& client, Node& node) {
  for (const std::string_view name : kSettings) client.append({"CONFIG", "GET", name});
  if (!client.send().empty()) return;
  for (const std::string_view name : kSettings) {
    const Reply reply = client.receive();
    if (reply.kind == Reply::Kind::Array && reply.items.size() == 2)
      node.settings.emplace(name, reply.items[1].text);
  }
}

std::int64_t micros(std::chrono::steady_clock::duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

void measure(NodeClient& client, Node& node) {
  for (int i = 0; i < kPings; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (client.command({"PING"}).isLost()) return;
    node.pingMicros.push_back(micros(std::chrono::steady_clock::now() - begin));
  }
}

void readClock(NodeClient& client, Node& node) {
  using std::chrono::system_clock;
  const auto begin = system_clock::now();
  const Reply reply = client.command({"TIME"});
  const auto end = system_clock::now();
  if (reply.kind != Reply::Kind::Array || reply.items.size() != 2) return;
  const auto unixMicros = [](system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  };
  const std::int64_t there = reply.items[0].number() * 1'000'000 + reply.items[1].number();
  const std::int64_t here = (unixMicros(begin) + unixMicros(end)) / 2;
  node.clockAheadMillis = (there - here) / 1000;
  node.clockDoubtMillis = (unixMicros(end) - unixMicros(begin)) / 2000 + 1;
  node.info.insert_or_assign("server_time_usec", std::to_string(there));
}

void fail(Node& node, const std::string& problem) {
  node.contact = contactOf(problem);
  node.problem = problem;
}

// False: it is of no use to go on.
bool greet(NodeClient& client, Node& node) {
  if (const std::string error = client.open(); !error.empty()) {
    fail(node, withoutUrl(error, client));
    return false;
  }
  const Reply pong = client.command({"PING"});
  if (pong.failed() && contactOf(pong.text) != Contact::Odd) {
    fail(node, withoutUrl(pong.text, client));
    return false;
  }
  node.contact = Contact::Good;
  return true;
}

void askMembership(NodeClient& client, Node& node) {
  const Reply nodes = client.command({"CLUSTER", "NODES"});
  if (nodes.isError() && contactOf(nodes.text) == Contact::NoCluster) return fail(node, nodes.text);
  node.peers = parsePeers(textOf(nodes));
  node.cluster = parseLines(textOf(client.command({"CLUSTER", "INFO"})));
  const Peer* self = node.self();
  if (self == nullptr) return;
  node.id = self->id;
  node.busPort = self->busPort;
}

}  // namespace

void ask(Node& node, const Asking& asking) {
  std::string error;
  if (resolve(node.dialled.host, error).empty()) {
    node.contact = Contact::NoSuchName;
    node.problem = error;
    return;
  }
  NodeClient client(urlOf(node.dialled, asking.config), connectOptions(asking));
  if (!greet(client, node)) return;
  askMembership(client, node);
  if (!node.good()) return;
  for (auto& [name, value] : parseLines(textOf(client.command({"INFO"}))))
    node.info.insert_or_assign(name, std::move(value));
  askSettings(client, node);
  measure(client, node);
  readClock(client, node);
  if (node.isMaster() && asking.options.sampleKeys > 0) {
    const bool countsUse = node.text(node.settings, "maxmemory-policy").find("lfu") != std::string_view::npos;
    node.keys = sampleKeys(client, asking.databases, asking.options.sampleKeys, countsUse);
  }
  node.denied = deniedBy(client);
  if (node.busPort != 0) node.bus = tryPort({node.dialled.host, node.busPort}, asking);
}

Contact tryContact(const net::Address& address, const Asking& asking) {
  std::string error;
  if (resolve(address.host, error).empty()) return Contact::NoSuchName;
  NodeClient client(urlOf(address, asking.config), connectOptions(asking));
  error = client.open();
  return error.empty() ? Contact::Good : contactOf(withoutUrl(error, client));
}

Port tryPort(const net::Address& address, const Asking& asking) {
  subcommand::ByteStream stream;
  const subcommand::ServerUrl url{address.host, address.port};
  const std::string error = stream.open(url, {}, subcommand::in(asking.options.connectTimeout));
  return error.empty() ? Port::Open : Port::Closed;
}

}  // namespace slotless::doctor
