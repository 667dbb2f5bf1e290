// Facts of a cluster in which nothing is wrong: three masters, each with a replica on another host.
#pragma once
#include <string>
#include <vector>

#include "proxy/doctor/checks.h"

namespace slotless::doctor {

inline std::string idOf(std::size_t i) {
  return std::string(40, static_cast<char>('a' + i));
}

inline net::Address addressOf(std::size_t i) {
  return {"10.0.0." + std::to_string(i + 1), 6379};
}

inline Peer peerOf(std::size_t i) {
  constexpr SlotRun kRuns[] = {{0, 5460}, {5461, 10922}, {10923, 16383}};
  Peer peer;
  peer.id = idOf(i);
  peer.address = addressOf(i);
  peer.busPort = 16379;
  peer.master = i < 3;
  peer.linkUp = true;
  peer.epoch = i + 1;
  if (i < 3) {
    peer.slots = {kRuns[i]};
  } else {
    peer.masterId = idOf((i - 3 + 1) % 3);
  }
  return peer;
}

inline Node nodeOf(std::size_t i) {
  Node node;
  node.id = idOf(i);
  node.announced = node.dialled = addressOf(i);
  node.seed = i == 0;
  node.contact = Contact::Good;
  node.bus = Port::Open;
  node.busPort = 16379;
  for (std::size_t other = 0; other < 6; ++other) {
    node.peers.push_back(peerOf(other));
    node.peers.back().myself = other == i;
  }
  node.cluster = {{"cluster_state", "ok"}};
  node.info = {{"redis_version", "7.0.15"},
               {"role", i < 3 ? "master" : "slave"},
               {"connected_clients", "10"},
               {"used_memory", "1000"},
               {"maxmemory", "1000000"},
               {"maxmemory_policy", "noeviction"},
               {"aof_enabled", "1"},
               {"aof_last_write_status", "ok"},
               {"rdb_last_bgsave_status", "ok"},
               {"server_time_usec", "1700000000000000"},
               {"instantaneous_ops_per_sec", "100"},
               {"master_repl_offset", "1000"},
               {"db0", "keys=1000,expires=0,avg_ttl=0"}};
  if (i >= 3) {
    node.info["master_link_status"] = "up";
    node.info["slave_repl_offset"] = "1000";
    node.info["master_last_io_seconds_ago"] = "1";
  }
  node.settings = {{"maxmemory", "1000000"},
                   {"maxmemory-policy", "noeviction"},
                   {"save", ""},
                   {"appendonly", "yes"},
                   {"maxclients", "100000"},
                   {"cluster-node-timeout", "5000"},
                   {"cluster-require-full-coverage", "no"},
                   {"notify-keyspace-events", ""}};
  node.pingMicros = {100, 120, 110};
  node.clockAheadMillis = 3;
  return node;
}

inline Facts healthy() {
  Facts facts;
  facts.config.workers = 2;
  for (std::size_t i = 0; i < 6; ++i) facts.nodes.push_back(nodeOf(i));
  facts.machine = {4096, 1, 100'000, 90'000, true};
  return facts;
}

// "check@subject" of each finding, the worst first.
inline std::vector<std::string> found(const Facts& facts) {
  std::vector<std::string> names;
  for (const Finding& finding : examine(facts))
    names.push_back(finding.check + (finding.subject.empty() ? "" : "@" + finding.subject));
  return names;
}

inline Peer& lineOf(Node& sayer, std::size_t other) {
  return sayer.peers.at(other);
}

// All nodes say the same of it.
template <typename Change>
void sayOf(Facts& facts, std::size_t other, Change change) {
  for (Node& node : facts.nodes) {
    if (!node.peers.empty()) change(node.peers.at(other));
  }
}

// It does not answer, and says nothing.
inline void silence(Node& node, Contact contact, std::string problem) {
  Node silent;
  silent.id = node.id;
  silent.announced = node.announced;
  silent.dialled = node.dialled;
  silent.seed = node.seed;
  silent.contact = contact;
  silent.problem = std::move(problem);
  node = silent;
}

}  // namespace slotless::doctor
