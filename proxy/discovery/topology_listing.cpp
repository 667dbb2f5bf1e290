#include "proxy/discovery/topology_listing.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

using upstream::elementsOf;
using upstream::textOf;
using upstream::valueOf;

namespace {

// Redis advises against more than 1,000.
constexpr std::size_t kMostListedNodes = 4096;

std::optional<long long> numberOf(const redisReply* reply) {
  if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) return std::nullopt;
  return reply->integer;
}

std::vector<SlotRange> slotsOf(const redisReply* bounds) {
  std::vector<SlotRange> slots;
  const auto elements = elementsOf(bounds);
  for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
    const auto first = numberOf(elements[i]);
    const auto last = numberOf(elements[i + 1]);
    if (!first || !last || *first < 0 || *last < *first || *last >= protocol::kSlotCount) continue;
    slots.push_back({static_cast<protocol::Slot>(*first), static_cast<protocol::Slot>(*last)});
  }
  return slots;
}

// nullopt: where it is, is not told.
std::optional<ListedNode> nodeOf(const redisReply* entry, const std::string& askedHost,
                                 const cluster::AddressMap& map, Ports ports) {
  const bool encrypted = ports == Ports::Tls;
  auto port = numberOf(valueOf(entry, encrypted ? "tls-port" : "port"));
  if (!port) port = numberOf(valueOf(entry, encrypted ? "port" : "tls-port"));
  if (!port || *port <= 0 || *port > 65535) return std::nullopt;
  ListedNode node;
  node.id = textOf(valueOf(entry, "id"));
  std::string_view host = textOf(valueOf(entry, "endpoint"));
  if (host == "?") host = textOf(valueOf(entry, "ip"));
  node.address = {std::string(host), static_cast<std::uint16_t>(*port)};
  if (host.empty()) {
    node.address.host = askedHost;
  } else {
    node.address = map.translate(node.address);
  }
  node.master = textOf(valueOf(entry, "role")) == "master";
  node.replica = !node.master;
  node.reachable = textOf(valueOf(entry, "health")) != "fail";
  return node;
}

}  // namespace

std::optional<cluster::Topology> topologyOf(const std::vector<ListedNode>& listed,
                                            const cluster::AddressMap& map) {
  cluster::Topology topology;
  topology.addressMap = map;
  for (const ListedNode& each : listed) {
    const bool owner = !each.slots.empty();
    if (!owner && !(each.reachable && (each.master || each.replica))) continue;
    if (topology.nodes.size() == kMostListedNodes || topology.find(each.address)) continue;
    const auto index = static_cast<cluster::NodeIndex>(topology.nodes.size());
    topology.nodes.push_back({each.id, each.address, owner || each.master, each.epoch, {}});
    if (each.byName && *each.byName != each.address) topology.nodes.back().aliases.push_back(*each.byName);
    for (const SlotRange& range : each.slots) {
      for (int slot = range.first; slot <= range.last; ++slot)
        topology.owners[static_cast<std::size_t>(slot)] = index;
    }
  }
  if (topology.slotsCovered() == 0) return std::nullopt;
  for (const ListedNode& each : listed) {
    if (!each.replica || each.masterId.empty()) continue;
    const auto replica = topology.find(each.address);
    const auto master =
        std::find_if(topology.nodes.begin(), topology.nodes.end(),
                     [&](const cluster::Node& node) { return node.master && node.id == each.masterId; });
    if (replica && !topology.nodes[*replica].master && master != topology.nodes.end())
      master->replicas.push_back(*replica);
  }
  topology.sortNodes();
  return topology;
}

std::vector<ListedNode> parseShards(const redisReply& shards, const std::string& askedHost,
                                    const cluster::AddressMap& map, Ports ports) {
  std::vector<ListedNode> listed;
  for (const redisReply* shard : elementsOf(&shards)) {
    const std::size_t begin = listed.size();
    std::string masterId;
    for (const redisReply* entry : elementsOf(valueOf(shard, "nodes"))) {
      auto node = nodeOf(entry, askedHost, map, ports);
      if (!node) continue;
      if (node->master) {
        masterId = node->id;
        node->slots = slotsOf(valueOf(shard, "slots"));
      }
      listed.push_back(std::move(*node));
    }
    for (std::size_t i = begin; i < listed.size(); ++i) {
      if (listed[i].replica) listed[i].masterId = masterId;
    }
  }
  return listed;
}

}  // namespace slotless::discovery
