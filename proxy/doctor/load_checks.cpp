// How the nodes are used: connections, memory, slots, keys, requests, times.
#include <algorithm>
#include <cstdio>

#include "proxy/doctor/checks.h"
#include "proxy/doctor/connection_budget.h"

namespace slotless::doctor {

namespace {

constexpr std::int64_t kSlowPingMicros = 5000;
constexpr std::int64_t kUnansweredMillis = 1000;
constexpr std::int64_t kClockMillis = 1000;
constexpr std::int64_t kKeysThatMatter = 10'000;
constexpr std::int64_t kRequestsThatMatter = 1000;

struct Share {
  const Node* node;
  std::int64_t amount;
};

std::int64_t slotsOf(const Node& node) {
  std::int64_t count = 0;
  for (const SlotRun& run : node.self()->slots) count += run.last - run.first + 1;
  return count;
}

std::vector<const Node*> masters(const Facts& facts) {
  std::vector<const Node*> found;
  for (const Node& node : facts.nodes) {
    if (node.good() && node.self() != nullptr && node.isMaster()) found.push_back(&node);
  }
  return found;
}

template <typename Amount>
std::vector<Share> sharesOf(const Facts& facts, Amount amount) {
  std::vector<Share> shares;
  for (const Node* node : masters(facts)) {
    if (slotsOf(*node) > 0) shares.push_back({node, amount(*node)});
  }
  return shares;
}

std::int64_t sumOf(const std::vector<Share>& shares) {
  std::int64_t sum = 0;
  for (const Share& share : shares) sum += share.amount;
  return sum;
}

// Those that have more than `percent` of an equal share.
Sightings heavier(const std::vector<Share>& shares, std::int64_t percent, std::string_view of) {
  Sightings found;
  const std::int64_t sum = sumOf(shares);
  if (shares.size() < 2 || sum == 0) return found;
  for (const Share& share : shares) {
    if (share.amount * static_cast<std::int64_t>(shares.size()) * 100 <= sum * percent) continue;
    found.push_back({share.node->shown(), "it has " + std::to_string(share.amount) + " of " +
                                              std::to_string(sum) + " " + std::string(of) + ", and " +
                                              std::to_string(shares.size()) + " masters share them"});
  }
  return found;
}

Sightings slots(const Facts& facts) {
  return heavier(sharesOf(facts, slotsOf), 150, "slots");
}

Sightings idleMasters(const Facts& facts) {
  Sightings found;
  if (!facts.anySlots()) return found;
  for (const Node* node : masters(facts)) {
    if (slotsOf(*node) == 0) found.push_back({node->shown(), "a master without slots"});
  }
  return found;
}

// "keys=3,expires=0,avg_ttl=0"
std::int64_t keysOf(const Node& node) {
  const std::string_view text = node.text(node.info, "db0");
  return text.starts_with("keys=") ? std::atoll(text.data() + 5) : 0;
}

Sightings keys(const Facts& facts) {
  const auto shares = sharesOf(facts, keysOf);
  return sumOf(shares) < kKeysThatMatter ? Sightings{} : heavier(shares, 170, "keys");
}

Sightings requests(const Facts& facts) {
  const auto shares = sharesOf(facts, [](const Node& node) {
    return node.number(node.info, "instantaneous_ops_per_sec").value_or(0);
  });
  return sumOf(shares) < kRequestsThatMatter ? Sightings{} : heavier(shares, 200, "requests a second");
}

Sightings memory(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    const auto most = node.number(node.info, "maxmemory");
    const auto used = node.number(node.info, "used_memory");
    if (!node.good() || !most || !used || *most <= 0 || *used * 10 < *most * 9) continue;
    const std::string_view policy = node.text(node.info, "maxmemory_policy");
    const bool refuses = policy == "noeviction" && node.isMaster();
    found.push_back({node.shown(),
                     "it uses " + std::to_string(*used * 100 / *most) +
                         " % of maxmemory, with maxmemory-policy " + std::string(policy),
                     refuses ? Severity::Critical : Severity::Warning});
  }
  return found;
}

Sightings connections(const Facts& facts) {
  Sightings found;
  const ConnectionBudget budget = connectionBudget(facts.config);
  std::string fewer;
  std::int64_t fewest = 0;
  for (const Node& node : facts.nodes) {
    const auto most = node.number(node.settings, "maxclients");
    const auto now = node.number(node.info, "connected_clients").value_or(0);
    if (!node.good() || !most) continue;
    if (now * 10 >= *most * 8) {
      found.push_back(
          {node.shown(),
           "it has " + std::to_string(now) + " connections, of " + std::to_string(*most) + " (maxclients)",
           Severity::Critical});
    } else if (*most < static_cast<std::int64_t>(budget.links)) {
      found.push_back({node.shown(), "maxclients is " + std::to_string(*most) +
                                         ", and one proxy alone has up to " + std::to_string(budget.links) +
                                         " links that its clients share"});
    } else if (*most < static_cast<std::int64_t>(budget.total())) {
      fewer += (fewer.empty() ? "" : ", ") + node.shown();
      fewest = fewest == 0 ? *most : std::min(fewest, *most);
    }
  }
  if (!fewer.empty()) {
    found.push_back({"",
                     "maxclients is " + std::to_string(fewest) + " at " + fewer +
                         ", and one proxy may come to have " + std::to_string(budget.total()) +
                         " connections to a node (" + std::to_string(budget.links) + " links and " +
                         std::to_string(budget.leases) + " leases)",
                     Severity::Note});
  }
  return found;
}

std::string millisText(std::int64_t micros) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(micros) / 1000);
  return text;
}

Sightings latency(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good() || node.pingMicros.empty()) continue;
    auto times = node.pingMicros;
    std::sort(times.begin(), times.end());
    const std::int64_t median = times[times.size() / 2];
    if (median < kSlowPingMicros) continue;
    found.push_back({node.shown(), "a PING takes " + millisText(median) + " from here (of " +
                                       std::to_string(times.size()) + ": fastest " +
                                       millisText(times.front()) + ", slowest " + millisText(times.back()) +
                                       ")"});
  }
  return found;
}

// Nodes ping each other all the time: how long one has waited for the other's answer.
Sightings busLatency(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    const auto now = node.number(node.info, "server_time_usec");
    if (!node.good() || !now) continue;
    for (const Peer& peer : node.peers) {
      if (peer.myself || peer.pingSentUnixMillis == 0 || !peer.linkUp) continue;
      const std::int64_t waited = *now / 1000 - peer.pingSentUnixMillis;
      if (waited < kUnansweredMillis) continue;
      found.push_back(
          {node.shown() + " → " + facts.name(peer.id),
           "a ping of the cluster bus has been unanswered for " + std::to_string(waited) + " ms"});
    }
  }
  return found;
}

Sightings clocks(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good() || !node.clockAheadMillis) continue;
    const std::int64_t ahead = *node.clockAheadMillis;
    const std::int64_t off = (ahead < 0 ? -ahead : ahead) - node.clockDoubtMillis;
    if (off < kClockMillis) continue;
    found.push_back({node.shown(), "its clock is " + std::to_string(ahead < 0 ? -ahead : ahead) + " ms " +
                                       (ahead < 0 ? "behind" : "ahead of") + " this machine's"});
  }
  return found;
}

constexpr Check kLoadChecks[] = {
    {"connections", Severity::Warning, connections,
     "A node that has maxclients connections refuses more: requests wait, and blocking commands and transactions fail.",
     "Raise maxclients of the nodes (and their limit of descriptors), or lower workers, lease-max-blocking, "
     "lease-max-transactions and lease-max-tracking here. Each proxy needs as many."},
    {"memory", Severity::Warning, memory,
     "At the limit a node refuses writes (OOM) or evicts keys, as the policy says.",
     "Raise maxmemory, move slots to other masters, or delete what is not needed."},
    {"latency", Severity::Warning, latency, "Each request takes that long at least.",
     "Run the proxy in the nodes' network; if only some nodes are slow, look at SLOWLOG GET and LATENCY DOCTOR there."},
    {"bus-latency", Severity::Warning, busLatency, "After cluster-node-timeout the other counts as failed.",
     "Look at the network between the two, and for commands that keep the other one busy (SLOWLOG GET)."},
    {"clock", Severity::Warning, clocks,
     "EXPIREAT and the times of streams' ids differ by node, and logs cannot be compared.",
     "Run NTP (chrony, systemd-timesyncd) on the nodes and here."},
    {"slots-uneven", Severity::Warning, slots, "It has more than its share of keys and requests.",
     "redis-cli --cluster rebalance ANY:PORT"},
    {"idle-master", Severity::Note, idleMasters, "It serves nothing.",
     "redis-cli --cluster rebalance ANY:PORT --cluster-use-empty-masters, or make it a replica."},
    {"keys-uneven", Severity::Warning, keys,
     "Its memory ends before that of the others. Often it is a pinned database, or hash tags that many keys share.",
     "See slotless_database_keys; move slots away from it, or use another layout or finer hash tags."},
    {"requests-uneven", Severity::Warning, requests,
     "Its CPU is the limit of the whole. Often it is one key, or one pinned database.",
     "See slotless_database_requests_total and MONITOR; move slots away from it, or read from replicas (read-from)."},
};

}  // namespace

std::span<const Check> loadChecks() {
  return kLoadChecks;
}

}  // namespace slotless::doctor
