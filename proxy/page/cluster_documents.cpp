// Slots, nodes, and the proxies in front of them.
#include <algorithm>
#include <map>
#include <string>

#include "proxy/page/documents.h"
#include "proxy/page/parts.h"

namespace slotless::page {

namespace {

using cluster::Node;
using cluster::NodeIndex;
using cluster::NodeReport;
using cluster::Topology;

Json nameOf(const Topology& topology, NodeIndex node) {
  return node == cluster::kNoNode ? Json(nullptr) : Json(topology.nodes[node].address.text());
}

std::vector<std::uint32_t> slotCounts(const Topology& topology) {
  std::vector<std::uint32_t> counts(topology.nodes.size());
  for (const NodeIndex owner : topology.owners) {
    if (owner != cluster::kNoNode) ++counts[owner];
  }
  return counts;
}

Json rangesOf(const Topology& topology) {
  Json ranges = Json::array();
  for (std::size_t from = 0; from < topology.owners.size();) {
    std::size_t to = from;
    while (to + 1 < topology.owners.size() && topology.owners[to + 1] == topology.owners[from]) ++to;
    ranges.push_back({{"from", from}, {"to", to}, {"node", nameOf(topology, topology.owners[from])}});
    from = to + 1;
  }
  return ranges;
}

// An open slot is told by both of its nodes.
Json openSlotsOf(const Topology& topology, const std::map<std::string, NodeReport>& reports) {
  const auto nameById = [&](const std::string& id) {
    const auto found = std::find_if(topology.nodes.begin(), topology.nodes.end(),
                                    [&](const Node& node) { return node.id == id; });
    return found == topology.nodes.end() ? Json(nullptr) : Json(found->address.text());
  };
  struct Ends {
    Json from = nullptr;
    Json to = nullptr;
  };
  std::map<protocol::Slot, Ends> open;
  for (const auto& [name, report] : reports) {
    for (const cluster::OpenSlot& each : report.openSlots) {
      Ends& ends = open[each.slot];
      (each.leaves ? ends.from : ends.to) = name;
      Json& other = each.leaves ? ends.to : ends.from;
      if (other.is_null()) other = nameById(each.other);
    }
  }
  Json slots = Json::array();
  for (const auto& [slot, ends] : open)
    slots.push_back({{"slot", slot}, {"from", ends.from}, {"to", ends.to}});
  return slots;
}

template <typename Count>
Json spreadOf(const std::vector<Count>& counts) {
  if (counts.empty()) return nullptr;
  double sum = 0;
  for (const Count each : counts) sum += static_cast<double>(each);
  const double mean = sum / static_cast<double>(counts.size());
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return {{"least", *least},
          {"most", *most},
          {"mean", rounded(mean)},
          {"most_over_mean",
           mean > 0 ? Json(std::round(100 * static_cast<double>(*most) / mean) / 100) : Json(nullptr)}};
}

Json serverPart(const NodeReport& report) {
  return {{"asked_ms", report.unixMillis},
          {"error", report.error.empty() ? Json(nullptr) : Json(report.error)},
          {"server", report.server},
          {"role", report.role},
          {"uptime_s", orNull(report.uptimeSeconds)},
          {"memory_bytes", orNull(report.memoryBytes)},
          {"memory_limit_bytes", orNull(report.memoryLimitBytes)},
          {"eviction_policy", report.evictionPolicy},
          {"keys", orNull(report.keys)},
          {"keys_with_expiry", orNull(report.keysWithExpiry)},
          {"evicted_keys_total", orNull(report.evictedKeys)},
          {"clients", orNull(report.clients)},
          {"clients_limit", orNull(report.clientLimit)},
          {"requests_per_s", orNull(report.requestsPerSecond)},
          {"loading", report.loading}};
}

Json linksPart(const observe::NodeSample& node) {
  Json links = Json::object();
  for (std::size_t i = 0; i < node.links.size(); ++i)
    links[std::string(telemetry::linkStateName(static_cast<telemetry::LinkState>(i)))] = node.links[i];
  return links;
}

Json trafficPart(const observe::NodeTraffic& traffic) {
  return {{"requests_per_s", rounded(traffic.requests)},
          {"errors_per_s", rounded(traffic.errors)},
          {"sent_bytes_per_s", rounded(traffic.bytesSent)},
          {"received_bytes_per_s", rounded(traffic.bytesReceived)},
          {"p50_us", rounded(traffic.p50Micros)},
          {"p99_us", rounded(traffic.p99Micros)},
          {"in_flight", traffic.now.inFlight},
          {"requests_total", traffic.now.requests},
          {"errors_total", traffic.now.errors},
          {"losses_total", traffic.now.losses},
          {"links", linksPart(traffic.now)}};
}

Json mastersPart(const Topology& topology) {
  const std::vector<std::uint32_t> counts = slotCounts(topology);
  Json masters = Json::array();
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const Node& node = topology.nodes[i];
    if (!node.master) continue;
    Json replicas = Json::array();
    for (const NodeIndex replica : node.replicas) replicas.push_back(nameOf(topology, replica));
    masters.push_back({{"node", node.address.text()},
                       {"id", node.id},
                       {"slots", counts[i]},
                       {"replicas", std::move(replicas)}});
  }
  return masters;
}

// Of masters that serve something.
Json imbalancePart(const Topology& topology, const std::map<std::string, NodeReport>& reports,
                   const observe::Present& present) {
  std::vector<std::uint32_t> slots;
  std::vector<std::uint64_t> keys;
  std::vector<double> requests;
  const std::vector<std::uint32_t> counts = slotCounts(topology);
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    if (counts[i] == 0) continue;
    slots.push_back(counts[i]);
    const std::string name = topology.nodes[i].address.text();
    const auto report = reports.find(name);
    if (report != reports.end() && report->second.keys) keys.push_back(*report->second.keys);
    const auto traffic = present.nodes.find(name);
    requests.push_back(traffic == present.nodes.end() ? 0 : rounded(traffic->second.requests));
  }
  return {{"slots", spreadOf(slots)}, {"keys", spreadOf(keys)}, {"requests_per_s", spreadOf(requests)}};
}

Json nodePart(const Topology& topology, std::size_t index, std::uint32_t slots, const Json& master) {
  const Node& node = topology.nodes[index];
  return {{"node", node.address.text()},
          {"id", node.id},
          {"role", node.master ? "master" : "replica"},
          {"master", master},
          {"epoch", node.epoch},
          {"slots", slots}};
}

std::optional<std::uint64_t> offsetOf(const std::map<std::string, NodeReport>& reports, const Json& name) {
  const auto found = name.is_string() ? reports.find(name.get<std::string>()) : reports.end();
  return found == reports.end() ? std::nullopt : found->second.replicationOffset;
}

Json replicationPart(const std::map<std::string, NodeReport>& reports, const NodeReport& report,
                     const Json& master) {
  if (master.is_null()) return nullptr;
  const auto sent = offsetOf(reports, master);
  Json behind = nullptr;
  if (sent && report.replicationOffset)
    behind = *sent > *report.replicationOffset ? *sent - *report.replicationOffset : 0;
  return {{"master_link", report.masterLink},
          {"behind_bytes", behind},
          {"master_silent_s", orNull(report.masterSilentSeconds)}};
}

}  // namespace

Json nodesPart(PageSources& sources, const observe::Present& present) {
  Json nodes = Json::array();
  const cluster::TopologyPtr topology = sources.topology();
  if (topology == nullptr) return nodes;
  const std::map<std::string, NodeReport> reports = sources.nodeReports();
  const std::vector<std::uint32_t> counts = slotCounts(*topology);
  std::map<NodeIndex, std::string> masters;
  for (const Node& node : topology->nodes) {
    for (const NodeIndex replica : node.replicas) masters[replica] = node.address.text();
    for (const NodeIndex replica : node.joining) masters[replica] = node.address.text();
  }
  for (std::size_t i = 0; i < topology->nodes.size(); ++i) {
    const std::string name = topology->nodes[i].address.text();
    const auto master = masters.find(static_cast<NodeIndex>(i));
    Json node =
        nodePart(*topology, i, counts[i], master == masters.end() ? Json(nullptr) : Json(master->second));
    const auto traffic = present.nodes.find(name);
    node.update(trafficPart(traffic == present.nodes.end() ? observe::NodeTraffic{} : traffic->second));
    const auto report = reports.find(name);
    node["round_trip_us"] = nullptr;
    node["server"] = nullptr;
    node["replication"] = nullptr;
    if (report != reports.end()) {
      if (report->second.roundTripMicros > 0) node["round_trip_us"] = report->second.roundTripMicros;
      node["server"] = serverPart(report->second);
      node["replication"] = replicationPart(reports, report->second, node["master"]);
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::string nodesDocument(PageSources& sources) {
  Json json = document();
  json["nodes"] = nodesPart(sources, sources.present());
  return textOf(json);
}

std::string topologyDocument(PageSources& sources) {
  Json json = document();
  const cluster::TopologyPtr topology = sources.topology();
  json["known"] = topology != nullptr;
  json["version"] = topology == nullptr ? 0 : topology->version;
  json["age_ms"] = topology == nullptr ? Json(nullptr) : Json(sources.topologyAge().count());
  json["slots"] = protocol::kSlotCount;
  json["slots_covered"] = topology == nullptr ? 0 : topology->slotsCovered();
  const std::map<std::string, NodeReport> reports = sources.nodeReports();
  json["ranges"] = topology == nullptr ? Json::array() : rangesOf(*topology);
  json["open_slots"] = topology == nullptr ? Json::array() : openSlotsOf(*topology, reports);
  json["masters"] = topology == nullptr ? Json::array() : mastersPart(*topology);
  json["imbalance"] =
      topology == nullptr ? Json(nullptr) : imbalancePart(*topology, reports, sources.present());
  return textOf(json);
}

std::string peersDocument(PageSources& sources) {
  const auto orNone = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  const ProxyList list = sources.proxies();
  Json json = document();
  json["channel"] = list.channel;
  json["trouble"] = orNone(list.trouble);
  json["node"] = orNone(list.node);
  json["messages"] = {{"said_total", list.said}, {"heard_total", list.heard}, {"unread_total", list.unread}};
  json["vanished_total"] = list.vanished;
  Json proxies = Json::array();
  for (const ProxyRow& each : list.proxies) {
    proxies.push_back({{"id", each.id},
                       {"self", proxies.empty()},
                       {"place", each.place},
                       {"version", each.version},
                       {"clients", each.clients},
                       {"heard_ago_ms", each.silence.count()},
                       {"subscribers", each.subscribers}});
  }
  json["proxies"] = std::move(proxies);
  return textOf(json);
}

}  // namespace slotless::page
