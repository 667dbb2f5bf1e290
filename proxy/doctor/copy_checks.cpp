// What becomes of the data when a server, or the machine under it, is lost.
#include <algorithm>
#include <map>
#include <set>

#include "proxy/doctor/checks.h"

namespace slotless::doctor {

namespace {

constexpr std::int64_t kLagSeconds = 10;
constexpr std::int64_t kLagBytes = 16 * 1024 * 1024;
constexpr std::int64_t kOldestSave = 24 * 3600;

// Of the newest view, one line for each node.
std::vector<const Peer*> members(const Facts& facts) {
  std::set<std::string_view> seen;
  std::vector<const Peer*> all;
  for (const Node& node : facts.nodes) {
    for (const Peer& peer : node.peers) {
      if (!peer.handshake && seen.insert(peer.id).second) all.push_back(facts.find(peer.id));
    }
  }
  return all;
}

std::vector<const Peer*> mastersWithSlots(const Facts& facts) {
  std::vector<const Peer*> masters;
  for (const Peer* peer : members(facts)) {
    if (peer->master && !peer->slots.empty()) masters.push_back(peer);
  }
  return masters;
}

// A node does not know its own address in all set-ups: then that by which it is reached counts.
std::string hostOf(const Facts& facts, const Peer& peer) {
  if (!peer.address.host.empty()) return peer.address.host;
  const Node* node = facts.node(peer.id);
  return node == nullptr ? std::string() : node->dialled.host;
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Sightings aloneMasters(const Facts& facts) {
  Sightings found;
  const auto all = members(facts);
  for (const Peer* master : mastersWithSlots(facts)) {
    const bool has = std::any_of(all.begin(), all.end(), [&](const Peer* peer) {
      return peer->masterId == master->id && !peer->failed;
    });
    if (!has) found.push_back({facts.name(master->id), "a master with slots and no replica that lives"});
  }
  return found;
}

Sightings fewMasters(const Facts& facts) {
  const std::size_t count = mastersWithSlots(facts).size();
  if (count == 0 || count >= 3) return {};
  return {{"", "there are " + std::to_string(count) + " masters with slots"}};
}

Sightings mastersTogether(const Facts& facts) {
  std::map<std::string, std::set<std::string>> byHost;
  const auto masters = mastersWithSlots(facts);
  for (const Peer* master : masters) byHost[hostOf(facts, *master)].insert(facts.name(master->id));
  Sightings found;
  for (const auto& [host, names] : byHost) {
    if (names.size() < 2 || names.size() * 2 <= masters.size()) continue;
    found.push_back({host, std::to_string(names.size()) + " of " + std::to_string(masters.size()) +
                               " masters are on this host: " + joined(names)});
  }
  return found;
}

Sightings replicasBeside(const Facts& facts) {
  std::set<std::string> pairs;
  std::string first;
  for (const Peer* peer : members(facts)) {
    const Peer* master = peer->masterId.empty() ? nullptr : facts.find(peer->masterId);
    if (master == nullptr || hostOf(facts, *master) != hostOf(facts, *peer)) continue;
    pairs.insert(facts.name(peer->id) + " of " + facts.name(master->id));
    if (first.empty()) first = hostOf(facts, *peer);
  }
  if (pairs.empty()) return {};
  return {{pairs.size() == 1 ? first : "", "replicas on the host of their master: " + joined(pairs)}};
}

Sightings brokenReplication(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good() || node.text(node.info, "role") != "slave") continue;
    if (node.text(node.info, "master_link_status") != "down") continue;
    std::string seen = "its link to its master " + std::string(node.text(node.info, "master_host")) + ":" +
                       std::string(node.text(node.info, "master_port")) + " is down";
    const auto seconds = node.number(node.info, "master_link_down_since_seconds");
    if (seconds && *seconds >= 0) seen += " for " + std::to_string(*seconds) + " s";
    if (node.text(node.info, "master_sync_in_progress") == "1") seen += " (it is being sent the whole data)";
    found.push_back({node.shown(), std::move(seen)});
  }
  return found;
}

Sightings lag(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good() || node.text(node.info, "role") != "slave") continue;
    if (node.text(node.info, "master_link_status") != "up") continue;
    const Peer* self = node.self();
    const Node* master = self == nullptr ? nullptr : facts.node(self->masterId);
    const auto silent = node.number(node.info, "master_last_io_seconds_ago");
    const auto has = node.number(node.info, "slave_repl_offset");
    // A master that is not known has written nothing that the replica could miss.
    const auto written = master == nullptr ? has : master->number(master->info, "master_repl_offset");
    const auto behind = has && written ? *written - *has : 0;
    if (silent && *silent >= kLagSeconds) {
      found.push_back(
          {node.shown(), "it has heard nothing from its master for " + std::to_string(*silent) + " s"});
    } else if (behind >= kLagBytes) {
      found.push_back({node.shown(), "it is " + std::to_string(behind >> 20) + " MiB behind its master"});
    }
  }
  return found;
}

bool saves(const Node& node) {
  if (node.text(node.info, "aof_enabled") == "1") return true;
  const auto save = node.settings.find("save");
  return save != node.settings.end() && !save->second.empty();
}

Sightings unsaved(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    // Denied: not known.
    if (!node.good() || !node.isMaster() || !node.settings.contains("save") || saves(node)) continue;
    found.push_back({node.shown(), "neither appendonly nor save is set"});
  }
  return found;
}

Sightings failedSaves(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good()) continue;
    for (const std::string_view field :
         {"rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"}) {
      const std::string_view status = node.text(node.info, field);
      if (!status.empty() && status != "ok")
        found.push_back({node.shown(), std::string(field) + ":" + std::string(status)});
    }
  }
  return found;
}

Sightings oldSaves(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good() || node.text(node.info, "aof_enabled") == "1" || !saves(node)) continue;
    const auto changes = node.number(node.info, "rdb_changes_since_last_save");
    const auto saved = node.number(node.info, "rdb_last_save_time");
    const auto now = node.number(node.info, "server_time_usec");
    if (!changes || !saved || !now || *changes == 0) continue;
    const std::int64_t age = *now / 1'000'000 - *saved;
    if (age < kOldestSave) continue;
    found.push_back({node.shown(), "the last save was " + std::to_string(age / 3600) + " h ago, and " +
                                       std::to_string(*changes) + " changes since are in memory only"});
  }
  return found;
}

constexpr Check kCopyChecks[] = {
    {"no-replica", Severity::Warning, aloneMasters, "If it is lost, so are its slots and their data.",
     "Add one: redis-cli --cluster add-node NEW:PORT ANY:PORT --cluster-slave --cluster-master-id ID"},
    {"few-masters", Severity::Warning, fewMasters,
     "A failover needs the votes of most masters: of fewer than three no one may be missing.",
     "Use three masters at least."},
    {"masters-together", Severity::Warning, mastersTogether,
     "If this host is lost there is no majority of masters, and so no failover.",
     "Spread the masters over three hosts or more; CLUSTER FAILOVER on a replica elsewhere moves one."},
    {"replica-beside", Severity::Warning, replicasBeside,
     "If this host is lost, both copies of the data are.",
     "CLUSTER REPLICATE gives each replica a master that is on another host."},
    {"replication", Severity::Warning, brokenReplication,
     "Its data become old, and it may not be elected when its master is lost.",
     "Look at its log: masterauth (and masteruser), the network, client-output-buffer-limit replica and "
     "repl-backlog-size of the master are what it mostly is."},
    {"lag", Severity::Warning, lag, "What it lacks is lost in a failover, and reads from it are old.",
     "Look for a network that is too slow, for long commands on it, and for large writes."},
    {"persistence", Severity::Warning, unsaved,
     "A master that is started again empty makes its replicas empty, too.",
     "Set appendonly yes or save; for a mere cache, see to it that nothing restarts a failed master before "
     "its replica is promoted (or leave this out: --skip persistence)."},
    {"failed-save", Severity::Critical, failedSaves,
     "Writes are refused (MISCONF) with stop-writes-on-bgsave-error, and what is not saved is lost with the server.",
     "Look at the server's log: a full or read-only disk, rights of dir, or too little memory for fork."},
    {"old-save", Severity::Warning, oldSaves, "What is not saved is lost if all copies are.",
     "Look at save and at the server's log; BGSAVE saves now."},
};

}  // namespace

std::span<const Check> copyChecks() {
  return kCopyChecks;
}

}  // namespace slotless::doctor
