#include "proxy/doctor/clusters_apart.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace slotless::doctor {

namespace {

struct Cluster {
  std::set<std::string_view> ids;  // known by its nodes
  std::vector<std::size_t> nodes;  // those that answer
  std::size_t slots = 0;
};

std::size_t slotsSeenBy(const Node& node) {
  std::size_t count = 0;
  for (const Peer& peer : node.peers) {
    for (const SlotRun& run : peer.slots) count += static_cast<std::size_t>(run.last - run.first) + 1;
  }
  return count;
}

std::vector<Cluster> clustersOf(const Facts& facts) {
  std::vector<Cluster> clusters;
  for (std::size_t i = 0; i < facts.nodes.size(); ++i) {
    const Node& node = facts.nodes[i];
    if (!node.good() || node.self() == nullptr) continue;
    Cluster own;
    own.nodes = {i};
    own.slots = slotsSeenBy(node);
    for (const Peer& peer : node.peers) {
      if (!peer.handshake) own.ids.insert(peer.id);
    }
    const auto sharesNode = [&](const Cluster& other) {
      return std::any_of(own.ids.begin(), own.ids.end(),
                         [&](std::string_view id) { return other.ids.contains(id); });
    };
    // All that it brings together are one.
    for (auto other = clusters.begin(); other != clusters.end();) {
      if (!sharesNode(*other)) {
        ++other;
        continue;
      }
      own.ids.insert(other->ids.begin(), other->ids.end());
      own.nodes.insert(own.nodes.end(), other->nodes.begin(), other->nodes.end());
      own.slots = std::max(own.slots, other->slots);
      other = clusters.erase(other);
    }
    std::sort(own.nodes.begin(), own.nodes.end());
    clusters.push_back(std::move(own));
  }
  return clusters;
}

bool countsMore(const Cluster& a, const Cluster& b) {
  if (a.slots != b.slots) return a.slots > b.slots;
  if (a.nodes.size() != b.nodes.size()) return a.nodes.size() > b.nodes.size();
  return a.nodes.front() < b.nodes.front();
}

std::string strangeness(const Facts& facts, const Cluster& cluster) {
  if (cluster.ids.size() == 1)
    return "it knows no other node, and others do: it is in no cluster, or in another one";
  std::string beside;
  for (const std::size_t i : cluster.nodes) {
    if (i != cluster.nodes.front() && facts.nodes[i].seed)
      beside += (beside.empty() ? "; so are " : ", ") + facts.nodes[i].shown();
  }
  return "it is of another cluster, of " + std::to_string(cluster.ids.size()) +
         " nodes that know none of the others" + beside;
}

}  // namespace

void setOthersAside(Facts& facts) {
  std::vector<Cluster> clusters = clustersOf(facts);
  if (clusters.size() < 2 || !facts.anySlots()) return;
  const auto own = std::min_element(clusters.begin(), clusters.end(), countsMore);
  std::map<std::size_t, std::string> strange;
  std::set<std::string> gone;  // of the other clusters, but for one node of each
  for (auto other = clusters.begin(); other != clusters.end(); ++other) {
    if (other == own) continue;
    strange[other->nodes.front()] = strangeness(facts, *other);
    const std::string& told = facts.nodes[other->nodes.front()].id;
    for (const std::string_view id : other->ids) {
      if (id != told) gone.emplace(id);
    }
  }
  for (auto& [i, problem] : strange) {
    Node& node = facts.nodes[i];
    node.contact = Contact::OtherCluster;
    node.problem = std::move(problem);
    node.peers.clear();
  }
  std::erase_if(facts.nodes, [&](const Node& node) { return gone.contains(node.id); });
}

}  // namespace slotless::doctor
