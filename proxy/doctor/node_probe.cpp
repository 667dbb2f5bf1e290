#include "proxy/doctor/node_probe.h"

#include <chrono>
#include <functional>

#include "config/upstream.h"
#include "proxy/doctor/asking.h"
#include "proxy/doctor/contact.h"
#include "proxy/doctor/identity.h"
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

void askSettings(NodeClient& client, Node& node, bool ofCluster) {
  std::vector<std::string_view> names;
  for (const std::string_view name : kSettings) {
    if (ofCluster || !name.starts_with("cluster-")) names.push_back(name);
  }
  for (const std::string_view name : names) client.append({"CONFIG", "GET", name});
  if (!client.send().empty()) return;
  for (const std::string_view name : names) {
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

void lookAtKeys(NodeClient& client, Node& node, const Asking& asking) {
  if (!node.isMaster() || asking.options.sampleKeys == 0) return;
  const bool countsUse = node.text(node.settings, "maxmemory-policy").find("lfu") != std::string_view::npos;
  node.keys = sampleKeys(client, asking.databases, asking.options.sampleKeys, countsUse);
}

// False: it is of no use to go on.
bool greet(NodeClient& client, Node& node) {
  if (const std::string error = client.open(); !error.empty()) {
    fail(node, withoutUrl(error, client));
    return false;
  }
  const Reply pong = client.command({"PING"});
  if (pong.isLost() || (pong.isError() && contactOf(pong.text) != Contact::Odd)) {
    fail(node, withoutUrl(pong.text, client));
    return false;
  }
  node.contact = Contact::Good;
  return true;
}

}  // namespace

void ask(Node& node, const Asking& asking) {
  std::string error;
  if (resolve(node.dialled.host, error).empty()) {
    node.contact = Contact::NoSuchName;
    node.problem = error;
    return;
  }
  const bool ofCluster = !config::servesOneServer(asking.config);
  NodeClient client(urlOf(node.dialled, asking), connectOptions(asking));
  if (!greet(client, node)) return lookCloser(node, asking);
  identify(client, node, ofCluster);
  if (!node.good()) return;
  const std::function<void()> steps[] = {[&] { askSettings(client, node, ofCluster); },
                                         [&] { measure(client, node); }, [&] { readClock(client, node); },
                                         [&] { lookAtKeys(client, node, asking); }};
  for (const auto& step : steps) {
    step();
    // It has begun to hang, or has ended, while it was asked.
    if (!client.isOpen()) return fail(node, withoutUrl(client.lastError(), client));
  }
  node.denied = deniedBy(client, ofCluster);
  if (node.busPort != 0) node.bus = tryPort({node.dialled.host, node.busPort}, asking);
}

Contact tryContact(const net::Address& address, const Asking& asking) {
  std::string error;
  if (resolve(address.host, error).empty()) return Contact::NoSuchName;
  NodeClient client(urlOf(address, asking), connectOptions(asking));
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
