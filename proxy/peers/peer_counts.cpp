#include "proxy/peers/peer_counts.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace slotless::peers {

namespace {

// Proxies may reach the node of one server by different addresses, and a server has no name.
const cluster::Node* onlyMasterOf(const cluster::Topology& topology) {
  const auto isMaster = [](const cluster::Node& node) { return node.master; };
  const auto first = std::find_if(topology.nodes.begin(), topology.nodes.end(), isMaster);
  const bool isOnly =
      first != topology.nodes.end() && std::none_of(first + 1, topology.nodes.end(), isMaster);
  return isOnly ? &*first : nullptr;
}

std::string nameOf(const net::Address& address, const cluster::Topology& topology) {
  const auto found = topology.find(address);
  const std::string name = found ? topology.nodes[*found].id : std::string();
  return name.empty() ? address.text() : name;
}

// A node that this proxy does not know is none of those that it asks, but its subscriptions are there.
net::Address addressOf(const std::string& name, const cluster::Topology& topology) {
  for (const cluster::Node& node : topology.nodes) {
    if (node.id == name || node.address.text() == name) return node.address;
  }
  const cluster::Node* only = onlyMasterOf(topology);
  return only != nullptr && only->id.empty() ? only->address : net::Address{name, 0};
}

}  // namespace

PeerCounts::~PeerCounts() {
  while (!entered_.empty()) drop(entered_.begin()->first);
}

void PeerCounts::replace(const Shares& before, const Shares& now) {
  static const pubsub::TopicShare kNothing;
  const auto shareIn = [](const Shares& shares, const TopicId& topic) -> const pubsub::TopicShare& {
    const auto found = shares.find(topic);
    return found == shares.end() ? kNothing : found->second;
  };
  for (const auto& [topic, share] : before) {
    const pubsub::TopicShare& next = shareIn(now, topic);
    if (next != share) census_.replaceOthers(topic.first, topic.second, share, next);
  }
  for (const auto& [topic, share] : now) {
    if (!before.contains(topic)) census_.replaceOthers(topic.first, topic.second, kNothing, share);
  }
}

void PeerCounts::set(const std::string& peer, const Counts& counts, const cluster::Topology& topology) {
  std::vector<net::Address> nodes;
  nodes.reserve(counts.nodes.size());
  for (const std::string& name : counts.nodes) nodes.push_back(addressOf(name, topology));
  Shares now;
  for (const TopicCount& topic : counts.topics) {
    pubsub::TopicShare& share = now[{topic.kind, topic.name}];
    share.listeners += topic.listeners;
    for (const auto& [node, count] : topic.upstream) share.upstream[nodes[node]] += count;
  }
  Shares& entered = entered_[peer];
  replace(entered, now);
  entered = std::move(now);
}

void PeerCounts::drop(const std::string& peer) {
  const auto found = entered_.find(peer);
  if (found == entered_.end()) return;
  replace(found->second, {});
  entered_.erase(found);
}

Counts ownCounts(const pubsub::Census& census, const cluster::Topology& topology) {
  Counts counts;
  const auto uneven = census.uneven(kMostTopics, kMostNameBytes);
  if (!uneven) {
    counts.tooMany = true;
    return counts;
  }
  std::map<net::Address, std::size_t> numbers;
  const auto numberOf = [&](const net::Address& node) {
    const auto [entry, isNew] = numbers.emplace(node, counts.nodes.size());
    if (isNew) counts.nodes.push_back(nameOf(node, topology));
    return entry->second;
  };
  for (const pubsub::Census::Uneven& each : *uneven) {
    TopicCount topic{each.kind, each.name, each.share.listeners, {}};
    for (const auto& [node, count] : each.share.upstream) topic.upstream.emplace_back(numberOf(node), count);
    counts.topics.push_back(std::move(topic));
  }
  return counts;
}

}  // namespace slotless::peers
