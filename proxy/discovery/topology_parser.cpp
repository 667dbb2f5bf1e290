#include "proxy/discovery/topology_parser.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "protocol/lines.h"
#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

using upstream::elementsOf;
using upstream::textOf;

namespace {

// Redis advises against more than 1,000.
constexpr std::size_t kMaxNodes = 4096;

std::optional<SlotRange> rangeOf(std::span<redisReply* const> row) {
  if (row.size() < 2 || row[0]->type != REDIS_REPLY_INTEGER || row[1]->type != REDIS_REPLY_INTEGER)
    return std::nullopt;
  const long long first = row[0]->integer;
  const long long last = row[1]->integer;
  if (first < 0 || last < first || last >= protocol::kSlotCount) return std::nullopt;
  return SlotRange{static_cast<protocol::Slot>(first), static_cast<protocol::Slot>(last)};
}

// How nodes are addressed: by themselves, and from here.
struct Addressing {
  const std::string& askedHost;
  const std::vector<ListedNode>& listed;
  const cluster::AddressMap& map;
};

void addAlias(cluster::Node& node, const net::Address& alias) {
  if (alias == node.address || alias.host.empty() || alias.host == "?") return;
  if (std::find(node.aliases.begin(), node.aliases.end(), alias) == node.aliases.end())
    node.aliases.push_back(alias);
}

// The metadata of Redis 7: "ip" or "hostname", whichever is not the preferred one.
std::vector<std::string> otherHosts(std::span<redisReply* const> entry) {
  std::vector<std::string> hosts;
  const auto metadata = entry.size() < 4 ? std::span<redisReply* const>{} : elementsOf(entry[3]);
  for (std::size_t i = 0; i + 1 < metadata.size(); i += 2) {
    const std::string_view key = textOf(metadata[i]);
    if (key == "ip" || key == "hostname") hosts.emplace_back(textOf(metadata[i + 1]));
  }
  return hosts;
}

// The node's entry: host, port, id, metadata …; nullopt if its address is not known to the node that we
// asked.
std::optional<cluster::Node> nodeOf(const redisReply& entry, const Addressing& addressing) {
  const auto fields = elementsOf(&entry);
  if (fields.size() < 2 || fields[1]->type != REDIS_REPLY_INTEGER) return std::nullopt;
  const long long number = fields[1]->integer;
  if (number <= 0 || number > 65535) return std::nullopt;
  const auto port = static_cast<std::uint16_t>(number);
  cluster::Node node;
  if (fields.size() >= 3) node.id = textOf(fields[2]);
  const auto line =
      std::find_if(addressing.listed.begin(), addressing.listed.end(),
                   [&](const ListedNode& listed) { return listed.id == node.id && !node.id.empty(); });
  const std::string host(textOf(fields[0]));
  const std::vector<std::string> others = otherHosts(fields);
  if (host.empty()) {
    node.address = {addressing.askedHost, port};
  } else if (host != "?") {
    node.address = addressing.map.translate({host, port});
  } else if (line != addressing.listed.end()) {
    node.address = line->address;
  } else if (!others.empty() && !others.front().empty()) {
    node.address = addressing.map.translate({others.front(), port});
  } else {
    return std::nullopt;
  }
  for (const std::string& other : others) addAlias(node, addressing.map.translate({other, port}));
  if (line != addressing.listed.end()) {
    addAlias(node, line->address);
    if (line->byName) addAlias(node, *line->byName);
  }
  return node;
}

cluster::NodeIndex indexOf(cluster::Topology& topology, cluster::Node node) {
  if (const auto found = topology.find(node.address)) return *found;
  topology.nodes.push_back(std::move(node));
  return static_cast<cluster::NodeIndex>(topology.nodes.size() - 1);
}

std::string_view nextField(std::string_view& line, char separator = ' ') {
  const std::size_t end = line.find(separator);
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

// Whole words: "nofailover" says nothing of a failure.
bool hasFlag(std::string_view flags, std::string_view flag) {
  while (!flags.empty()) {
    if (nextField(flags, ',') == flag) return true;
  }
  return false;
}

// The node of CLUSTER SLOTS that a line of CLUSTER NODES speaks of. Redis 3 names no ids in CLUSTER SLOTS.
cluster::Node* nodeOf(cluster::Topology& topology, const ListedNode& listed) {
  const auto found =
      std::find_if(topology.nodes.begin(), topology.nodes.end(), [&](const cluster::Node& node) {
        return node.id.empty() ? node.address == listed.address : node.id == listed.id;
      });
  return found == topology.nodes.end() ? nullptr : &*found;
}

// Replicas that CLUSTER SLOTS leaves out.
void noteJoining(cluster::Topology& topology, const std::vector<ListedNode>& listed) {
  for (const ListedNode& node : listed) {
    if (!node.replica || !node.reachable) continue;
    const auto indexWithId = [&](const std::string& id) {
      const auto found = std::find_if(topology.nodes.begin(), topology.nodes.end(),
                                      [&](const cluster::Node& known) { return known.id == id; });
      return found == topology.nodes.end() ? cluster::kNoNode
                                           : static_cast<cluster::NodeIndex>(found - topology.nodes.begin());
    };
    const cluster::NodeIndex replica = indexWithId(node.id);
    const cluster::NodeIndex master = indexWithId(node.masterId);
    if (replica == cluster::kNoNode || master == cluster::kNoNode || topology.nodes[replica].master) continue;
    cluster::Node& follows = topology.nodes[master];
    if (std::find(follows.replicas.begin(), follows.replicas.end(), replica) == follows.replicas.end())
      follows.joining.push_back(replica);
  }
}

// "0-5460 5462"; slots on their way ("[93-<-id]") are their owners' still.
std::vector<SlotRange> slotsIn(std::string_view fields) {
  std::vector<SlotRange> slots;
  while (!fields.empty()) {
    const std::string_view field = nextField(fields);
    if (field.empty() || field.front() == '[') continue;
    int first = 0;
    const auto begin = std::from_chars(field.data(), field.data() + field.size(), first);
    int last = first;
    if (begin.ec == std::errc{} && begin.ptr != field.data() + field.size() && *begin.ptr == '-')
      std::from_chars(begin.ptr + 1, field.data() + field.size(), last);
    if (begin.ec != std::errc{} || first < 0 || last < first || last >= protocol::kSlotCount) continue;
    slots.push_back({static_cast<protocol::Slot>(first), static_cast<protocol::Slot>(last)});
  }
  return slots;
}

}  // namespace

std::vector<ListedNode> parseNodes(std::string_view clusterNodes, const std::string& askedHost,
                                   const cluster::AddressMap& map) {
  std::vector<ListedNode> nodes;
  while (!clusterNodes.empty()) {
    std::string_view line = protocol::takeLine(clusterNodes);
    // id ip:port@busport[,hostname] flags master ping-sent pong-recv config-epoch link-state slots…
    ListedNode node;
    node.id = nextField(line);
    std::string_view address = nextField(line);
    const std::string_view flags = nextField(line);
    node.masterId = nextField(line);
    for (int skipped = 0; skipped < 2; ++skipped) nextField(line);
    const std::string_view epoch = nextField(line);
    // Redis 7 adds a name; what follows that is of no interest here.
    std::string_view extras = address;
    nextField(extras, ',');
    const std::string_view name = nextField(extras, ',');
    address = address.substr(0, address.find('@'));
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view port = address.substr(colon + 1);
    node.address.host = colon == 0 ? askedHost : std::string(address.substr(0, colon));
    if (std::from_chars(port.data(), port.data() + port.size(), node.address.port).ec != std::errc{})
      continue;
    if (!name.empty()) node.byName = map.translate({std::string(name), node.address.port});
    if (colon != 0) node.address = map.translate(node.address);
    if (std::from_chars(epoch.data(), epoch.data() + epoch.size(), node.epoch).ec != std::errc{}) continue;
    nextField(line);  // the state of the cluster's own link
    node.slots = slotsIn(line);
    node.master = hasFlag(flags, "master");
    node.myself = hasFlag(flags, "myself");
    node.replica = hasFlag(flags, "slave");
    // A suspicion ("fail?") is enough: a master that has just lost its slots is not one that is being filled.
    node.reachable = !hasFlag(flags, "fail") && !hasFlag(flags, "fail?") && !hasFlag(flags, "handshake") &&
                     !hasFlag(flags, "noaddr") && node.address.port != 0;
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::optional<cluster::Topology> parseSlots(const redisReply& clusterSlots, const std::string& askedHost,
                                            const std::vector<ListedNode>& listed,
                                            const cluster::AddressMap& map) {
  if (clusterSlots.type != REDIS_REPLY_ARRAY || clusterSlots.elements > protocol::kSlotCount)
    return std::nullopt;
  cluster::Topology topology;
  topology.addressMap = map;
  const Addressing addressing{askedHost, listed, map};
  for (const redisReply* rowReply : elementsOf(&clusterSlots)) {
    const auto row = elementsOf(rowReply);
    const auto range = rangeOf(row);
    if (!range) return std::nullopt;
    if (row.size() < 3) continue;
    auto master = nodeOf(*row[2], addressing);
    if (!master) continue;
    const cluster::NodeIndex owner = indexOf(topology, std::move(*master));
    if (topology.nodes.size() > kMaxNodes) return std::nullopt;
    topology.nodes[owner].master = true;
    for (int slot = range->first; slot <= range->last; ++slot)
      topology.owners[static_cast<std::size_t>(slot)] = owner;
    if (!topology.nodes[owner].replicas.empty()) continue;  // the same list stands in each row of this master
    for (const redisReply* entry : row.subspan(3)) {
      if (auto replica = nodeOf(*entry, addressing)) {
        const cluster::NodeIndex index = indexOf(topology, std::move(*replica));
        topology.nodes[owner].replicas.push_back(index);
      }
    }
  }
  for (const ListedNode& node : listed) {
    if (cluster::Node* known = nodeOf(topology, node)) {
      known->id = node.id;
      known->epoch = node.epoch;
    } else if ((node.master || node.replica) && node.reachable && !topology.find(node.address)) {
      topology.nodes.push_back({node.id, node.address, node.master, node.epoch, {}});
      if (node.byName) addAlias(topology.nodes.back(), *node.byName);
    }
  }
  noteJoining(topology, listed);
  topology.sortNodes();
  return topology;
}

void keepKnownAddresses(const cluster::Topology& known, cluster::Topology& fresh) {
  for (cluster::Node& node : fresh.nodes) {
    std::sort(node.aliases.begin(), node.aliases.end());
    if (node.id.empty()) continue;
    const auto before = std::find_if(known.nodes.begin(), known.nodes.end(),
                                     [&](const cluster::Node& old) { return old.id == node.id; });
    if (before == known.nodes.end()) continue;
    const auto alias = std::find(node.aliases.begin(), node.aliases.end(), before->address);
    if (alias == node.aliases.end()) continue;
    std::swap(node.address, *alias);
    std::sort(node.aliases.begin(), node.aliases.end());
  }
  fresh.sortNodes();
}

std::size_t keepHigherEpochs(const cluster::Topology& known, const std::vector<ListedNode>& listed,
                             cluster::Topology& fresh) {
  std::size_t kept = 0;
  // Neighbours mostly have the same owners: what stays as it is need not be looked into for each of them.
  std::pair<cluster::NodeIndex, cluster::NodeIndex> looked{cluster::kNoNode, cluster::kNoNode};
  for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    const cluster::NodeIndex before = known.owners[slot];
    const cluster::NodeIndex now = fresh.owners[slot];
    if (before == cluster::kNoNode || looked == std::pair{before, now}) continue;
    looked = {before, now};  // never both kNoNode
    const cluster::Node& oldOwner = known.nodes[before];
    if (now != cluster::kNoNode) {
      const cluster::Node& newOwner = fresh.nodes[now];
      if (oldOwner.id == newOwner.id || newOwner.epoch == 0 || newOwner.epoch >= oldOwner.epoch) continue;
    }
    const auto line = std::find_if(listed.begin(), listed.end(),
                                   [&](const ListedNode& node) { return node.id == oldOwner.id; });
    if (line == listed.end() || (now == cluster::kNoNode && line->myself)) continue;
    cluster::Node copy = oldOwner;
    copy.replicas.clear();
    copy.joining.clear();
    const cluster::NodeIndex index = indexOf(fresh, std::move(copy));
    cluster::Node& keeper = fresh.nodes[index];
    if (!keeper.master) {  // the answering node still takes it for a replica
      keeper.master = true;
      for (cluster::Node& node : fresh.nodes) {
        std::erase(node.replicas, index);
        std::erase(node.joining, index);
      }
    }
    keeper.epoch = std::max(keeper.epoch, oldOwner.epoch);
    fresh.owners[slot] = index;
    looked = {cluster::kNoNode, cluster::kNoNode};
    ++kept;
  }
  if (kept > 0) fresh.sortNodes();
  return kept;
}

}  // namespace slotless::discovery
