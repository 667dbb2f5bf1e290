#include "proxy/advise/server_look.h"

#include <algorithm>
#include <utility>

#include "proxy/subcommand/cluster_view.h"
#include "proxy/subcommand/command_watch.h"
#include "proxy/subcommand/info_text.h"

namespace slotless::advise {

using subcommand::InfoText;
using subcommand::NodeClient;
using subcommand::Reply;

namespace {

// One page of SCAN, with sizes where they may be asked for.
void addSizes(NodeClient& client, std::span<SampledKey> page, bool& tellsSizes) {
  if (!tellsSizes || page.empty()) return;
  for (const SampledKey& key : page) client.append({"MEMORY", "USAGE", key.name, "SAMPLES", "3"});
  client.send();
  for (SampledKey& key : page) {
    const Reply reply = client.receive();
    tellsSizes = tellsSizes && !reply.failed();
    key.bytes = reply.number();
  }
}

// SCAN goes through a table of hashes: its first pages are as good a sample as any.
std::string sampleKeys(NodeClient& client, const LookLimits& limits, std::vector<SampledKey>& keys) {
  std::string cursor = "0";
  bool tellsSizes = true;
  do {
    const Reply page = client.command({"SCAN", cursor, "COUNT", "500"});
    if (page.failed()) return page.text;
    if (page.items.size() != 2) return "SCAN has answered something else";
    cursor = page.items[0].text;
    const std::size_t before = keys.size();
    for (const Reply& name : page.items[1].items) keys.push_back({name.text, 0});
    addSizes(client, std::span(keys).subspan(before), tellsSizes);
  } while (cursor != "0" && keys.size() < limits.keys && !limits.stopped());
  return {};
}

}  // namespace

ServerLook lookAtServer(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options,
                        const LookLimits& limits) {
  ServerLook look;
  NodeClient client(url, options);
  if (look.error = client.open(); !look.error.empty()) return look;
  const Reply reply = client.command({"INFO"});
  if (reply.failed()) {
    look.error = url.shown() + ": " + reply.text;
    return look;
  }
  if (InfoText(reply.text).value("cluster_enabled") == "1") {
    look.error = url.shown() + " is a node of a cluster, which has a part of the keys only; name one server";
    return look;
  }
  for (const auto& [database, size] : subcommand::databasesIn(reply.text)) {
    SeenDatabase& seen = look.databases[database];
    seen.size = size;
    subcommand::ServerUrl at = url;
    at.database = database;
    NodeClient there(at, options);
    if (std::string error = sampleKeys(there, limits, seen.keys); !error.empty())
      look.notes.push_back("the keys of database " + std::to_string(database) +
                           " cannot be looked at: " + error);
  }
  if (limits.monitor.count() > 0) {
    const std::string error = subcommand::watchCommands(
        url, options, {limits.monitor, limits.commands, limits.stopped},
        [&](const subcommand::SeenCommand& seen, const std::string&) { look.usage.add(seen); });
    look.usage.finish();
    if (!error.empty()) look.notes.push_back("commands cannot be watched: MONITOR: " + error);
  }
  return look;
}

std::uint64_t databasesOfNodes(const std::vector<subcommand::ServerUrl>& nodes,
                               const subcommand::ConnectOptions& options,
                               const std::vector<config::AddressRule>& rules, std::string& error) {
  const subcommand::ClusterAnswer answer = subcommand::lookAtCluster(nodes, options, rules);
  error = answer.error;
  if (answer.view == nullptr) return 0;
  std::uint64_t least = 0;
  for (const subcommand::ClusterMaster& master : answer.view->masters) {
    NodeClient client(master.url, options);
    const Reply setting = client.command({"CONFIG", "GET", "cluster-databases"});
    if (setting.failed()) {
      error = master.url.shown() + ": " + setting.text;
      return 0;
    }
    const Reply* const number = setting.field("cluster-databases");
    const std::uint64_t has =
        number == nullptr ? 1 : static_cast<std::uint64_t>(std::max<std::int64_t>(number->number(), 1));
    least = least == 0 ? has : std::min(least, has);
  }
  return least;
}

}  // namespace slotless::advise
