// Do the nodes agree on who has which slot, and does somebody serve each?
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "proxy/doctor/checks.h"

namespace slotless::doctor {

namespace {

using Owners = std::array<std::string_view, protocol::kSlotCount>;

Owners ownersBy(const Node& node) {
  Owners owners{};
  for (const Peer& peer : node.peers) {
    for (const SlotRun& run : peer.slots)
      std::fill(owners.begin() + run.first, owners.begin() + run.last + 1, peer.id);
  }
  return owners;
}

template <typename Predicate>
std::vector<SlotRun> runsWhere(Predicate predicate) {
  std::vector<SlotRun> runs;
  for (std::size_t i = 0; i < protocol::kSlotCount; ++i) {
    if (!predicate(i)) continue;
    const auto slot = static_cast<protocol::Slot>(i);
    if (!runs.empty() && runs.back().last + 1 == slot) {
      runs.back().last = slot;
    } else {
      runs.push_back({slot, slot});
    }
  }
  return runs;
}

std::size_t countOf(const std::vector<SlotRun>& runs) {
  std::size_t count = 0;
  for (const SlotRun& run : runs) count += static_cast<std::size_t>(run.last - run.first) + 1;
  return count;
}

std::string slotsText(const std::vector<SlotRun>& runs) {
  const std::size_t count = countOf(runs);
  return (count == 1 ? "slot " : "slots ") + shownRuns(runs);
}

std::vector<const Node*> answering(const Facts& facts) {
  std::vector<const Node*> nodes;
  for (const Node& node : facts.nodes) {
    if (node.good() && !node.peers.empty()) nodes.push_back(&node);
  }
  return nodes;
}

// By all: what nodes that answer say of themselves, and else what any says.
Owners ownersByAll(const Facts& facts) {
  Owners owners{};
  const auto nodes = answering(facts);
  for (const Node* node : nodes) {
    const Owners said = ownersBy(*node);
    for (std::size_t slot = 0; slot < owners.size(); ++slot) {
      if (owners[slot].empty()) owners[slot] = said[slot];
    }
  }
  for (const Node* node : nodes) {
    if (!node->isMaster()) continue;
    for (const SlotRun& run : node->self()->slots)
      std::fill(owners.begin() + run.first, owners.begin() + run.last + 1, node->self()->id);
  }
  return owners;
}

Sightings uncovered(const Facts& facts) {
  if (answering(facts).empty()) return {};
  if (!facts.anySlots()) {
    return {
        {"",
         "no node has any slot: the cluster has not been made yet",
         {},
         "redis-cli --cluster create HOST:PORT … --cluster-replicas 1 makes it of servers in cluster mode."}};
  }
  const Owners owners = ownersByAll(facts);
  const auto runs = runsWhere([&](std::size_t slot) { return owners[slot].empty(); });
  if (runs.empty()) return {};
  return {{slotsText(runs), std::to_string(countOf(runs)) + " of 16384 slots have no master"}};
}

bool isLost(const Facts& facts, std::string_view id) {
  const Node* node = facts.node(id);
  if (node != nullptr && node->good()) return false;
  const Peer* peer = facts.find(id);
  return peer != nullptr && (peer->failed || peer->suspected);
}

// Whose master is gone, and nobody has taken them over.
Sightings stuck(const Facts& facts) {
  const Owners owners = ownersByAll(facts);
  std::set<std::string_view> lost;
  const auto runs = runsWhere([&](std::size_t slot) {
    if (owners[slot].empty() || !isLost(facts, owners[slot])) return false;
    lost.insert(owners[slot]);
    return true;
  });
  if (runs.empty()) return {};
  std::string names;
  for (const std::string_view id : lost) names += (names.empty() ? "" : ", ") + facts.name(id);
  return {{slotsText(runs), std::to_string(countOf(runs)) + " slots belong to " + names +
                                ", which the nodes have given up, and no replica has taken over"}};
}

Sightings disagreement(const Facts& facts) {
  const auto nodes = answering(facts);
  if (nodes.size() < 2) return {};
  std::vector<Owners> said;
  for (const Node* node : nodes) said.push_back(ownersBy(*node));
  const Owners all = ownersByAll(facts);
  std::set<std::size_t> others;
  const auto runs = runsWhere([&](std::size_t slot) {
    bool differ = false;
    for (std::size_t i = 0; i < said.size(); ++i) {
      if (said[i][slot] == all[slot]) continue;
      others.insert(i);
      differ = true;
    }
    return differ;
  });
  if (runs.empty()) return {};
  std::string seen = "the nodes disagree on who has them: ";
  const std::size_t slot = runs.front().first;
  seen += "slot " + std::to_string(slot) + " belongs to " +
          (all[slot].empty() ? std::string("nobody") : facts.name(all[slot]));
  for (const std::size_t i : others) {
    if (said[i][slot] == all[slot]) continue;
    seen += ", but for " + nodes[i]->shown() + " to " +
            (said[i][slot].empty() ? std::string("nobody") : facts.name(said[i][slot]));
  }
  return {{slotsText(runs), std::move(seen)}};
}

Sightings unknownNodes(const Facts& facts) {
  const auto nodes = answering(facts);
  std::set<std::string_view> all;
  for (const Node* node : nodes) {
    for (const Peer& peer : node->peers) {
      if (!peer.handshake) all.insert(peer.id);
    }
  }
  Sightings found;
  if (!facts.anySlots()) return found;
  for (const Node& node : facts.nodes) {
    if (node.contact == Contact::OtherCluster)
      found.push_back(
          {node.shown(),
           node.problem,
           {},
           "Take it out of cluster-nodes; or, if it belongs here, CLUSTER MEET makes them known to each other."});
  }
  for (const Node* node : nodes) {
    std::set<std::string_view> known;
    for (const Peer& peer : node->peers) known.insert(peer.id);
    std::string missing;
    for (const std::string_view id : all) {
      if (!known.contains(id)) missing += (missing.empty() ? "" : ", ") + facts.name(id);
    }
    if (missing.empty()) continue;
    const bool alone = known.size() == 1;
    found.push_back({node->shown(),
                     alone ? "it knows no other node, and others do: it is in no cluster, or in another one"
                           : "it does not know " + missing});
  }
  return found;
}

Sightings clusterState(const Facts& facts) {
  Sightings found;
  if (!facts.anySlots()) return found;
  for (const Node& node : facts.nodes) {
    const std::string_view state = node.text(node.cluster, "cluster_state");
    if (!node.good() || state.empty() || state == "ok") continue;
    found.push_back({node.shown(), "cluster_state:" + std::string(state) + ", with " +
                                       std::string(node.text(node.cluster, "cluster_slots_assigned")) +
                                       " slots assigned, " +
                                       std::string(node.text(node.cluster, "cluster_slots_ok")) +
                                       " of them served, and " +
                                       std::string(node.text(node.cluster, "cluster_size")) + " masters"});
  }
  return found;
}

Sightings failedNodes(const Facts& facts) {
  std::map<std::string_view, std::pair<std::size_t, std::size_t>> sayers;  // failed, suspected
  for (const Node* node : answering(facts)) {
    for (const Peer& peer : node->peers) {
      if (peer.failed) ++sayers[peer.id].first;
      if (peer.suspected) ++sayers[peer.id].second;
    }
  }
  Sightings found;
  for (const auto& [id, said] : sayers) {
    const std::string what = said.first > 0 ? std::to_string(said.first) + " nodes say that it has failed"
                                            : std::to_string(said.second) + " nodes do not hear it (fail?)";
    found.push_back({facts.name(id), what});
  }
  return found;
}

bool mirrored(const Facts& facts, const std::string& id, const OpenSlot& open) {
  const Peer* other = facts.find(open.other);
  if (other == nullptr) return false;
  return std::find(other->open.begin(), other->open.end(), OpenSlot{open.slot, !open.importing, id}) !=
         other->open.end();
}

// From one node to another, or (half) as only one of them sees it.
struct Moves {
  std::vector<SlotRun> both;
  std::vector<SlotRun> half;
};

void add(std::vector<SlotRun>& runs, protocol::Slot slot) {
  if (std::find(runs.begin(), runs.end(), SlotRun{slot, slot}) == runs.end()) runs.push_back({slot, slot});
}

std::map<std::pair<std::string, std::string>, Moves> movesOf(const Facts& facts) {
  std::map<std::pair<std::string, std::string>, Moves> moves;
  for (const Node* node : answering(facts)) {
    if (node->self() == nullptr) continue;
    for (const OpenSlot& open : node->self()->open) {
      auto& between =
          moves[open.importing ? std::pair(open.other, node->id) : std::pair(node->id, open.other)];
      add(mirrored(facts, node->id, open) ? between.both : between.half, open.slot);
    }
  }
  return moves;
}

Sightings moving(const Facts& facts) {
  Sightings found;
  for (const auto& [ends, moves] : movesOf(facts)) {
    if (moves.both.empty()) continue;
    found.push_back({slotsText(moves.both),
                     "on the way from " + facts.name(ends.first) + " to " + facts.name(ends.second)});
  }
  return found;
}

Sightings halfOpen(const Facts& facts) {
  Sightings found;
  for (const auto& [ends, moves] : movesOf(facts)) {
    if (moves.half.empty()) continue;
    found.push_back({slotsText(moves.half), "a move from " + facts.name(ends.first) + " to " +
                                                facts.name(ends.second) + " is open at one end only"});
  }
  return found;
}

constexpr Check kTopologyChecks[] = {
    {"uncovered", Severity::Critical, uncovered,
     "Their keys can neither be read nor written; with cluster-require-full-coverage yes nothing at all can.",
     "Bring back the node that had them; if it is lost for good, redis-cli --cluster fix gives them to others, empty."},
    {"stuck", Severity::Critical, stuck,
     "Their keys can neither be read nor written until somebody takes them over.",
     "Start the master again, or promote a replica of it (CLUSTER FAILOVER TAKEOVER on the replica, if the "
     "majority of masters is gone); without one redis-cli --cluster fix gives the slots to others, empty."},
    {"cluster-state", Severity::Critical, clusterState, "Such a node answers CLUSTERDOWN to all requests.",
     "See the other findings: slots without a master, or the majority of masters out of its reach."},
    {"disagreement", Severity::Critical, disagreement,
     "Requests go in circles between nodes that each point at the other, or to a node that was left behind.",
     "If it stays for more than some seconds: look at the bus ports, and settle each slot by CLUSTER SETSLOT slot NODE id "
     "on all masters, or with redis-cli --cluster fix."},
    {"unknown-node", Severity::Critical, unknownNodes,
     "It takes no part in votes, and learns of no failover.",
     "CLUSTER MEET makes nodes known to each other; CLUSTER FORGET on all nodes ends what is left of one."},
    {"failed-node", Severity::Warning, failedNodes,
     "The slots of a failed master wait for a replica; a failed replica leaves its master alone.",
     "Start it again, or take it out: redis-cli --cluster del-node."},
    {"half-open-slot", Severity::Warning, halfOpen,
     "A move that was broken off: multi-key commands there get TRYAGAIN or go astray, and slots are not moved "
     "by tools that find it.",
     "redis-cli --cluster fix finishes it; or CLUSTER SETSLOT slot STABLE on both nodes, if no key has been moved."},
    {"moving-slot", Severity::Note, moving,
     "Multi-key commands there may get TRYAGAIN meanwhile, which the proxy repeats.",
     "Nothing, if somebody reshards now. If nobody does, redis-cli --cluster fix finishes it."},
};

}  // namespace

std::span<const Check> topologyChecks() {
  return kTopologyChecks;
}

}  // namespace slotless::doctor
