// Are the nodes set up for what they are to do, all alike, and does the proxy's user have the rights it
// needs?
#include <algorithm>
#include <map>
#include <set>

#include "proxy/doctor/checks.h"

namespace slotless::doctor {

namespace {

constexpr std::int64_t kElectionMillis = 2000;
constexpr std::int64_t kShortestTimeout = 1000;
constexpr std::int64_t kLongestTimeout = 30'000;

// Value → nodes that have it. Of those that tell.
std::map<std::string, std::vector<std::string>> valuesOf(const Facts& facts, std::string_view setting) {
  std::map<std::string, std::vector<std::string>> values;
  for (const Node& node : facts.nodes) {
    const auto found = node.settings.find(setting);
    if (node.good() && found != node.settings.end()) values[found->second].push_back(node.shown());
  }
  return values;
}

// "yes at a:1, b:2; no at c:3"
std::string shownValues(const std::map<std::string, std::vector<std::string>>& values) {
  std::string text;
  for (const auto& [value, nodes] : values) {
    text += (text.empty() ? "" : "; ") + (value.empty() ? std::string("\"\"") : value) + " at ";
    for (std::size_t i = 0; i < nodes.size(); ++i) text += (i == 0 ? "" : ", ") + nodes[i];
  }
  return text;
}

Sightings differing(const Facts& facts, std::initializer_list<std::string_view> settings) {
  Sightings found;
  for (const std::string_view setting : settings) {
    const auto values = valuesOf(facts, setting);
    if (values.size() > 1) found.push_back({std::string(setting), shownValues(values)});
  }
  return found;
}

Sightings settingsDiffer(const Facts& facts) {
  return differing(facts, {"cluster-node-timeout", "cluster-require-full-coverage",
                           "cluster-allow-reads-when-down", "maxmemory", "maxmemory-policy", "maxclients",
                           "proto-max-bulk-len", "timeout", "lua-time-limit"});
}

Sightings notifications(const Facts& facts) {
  return differing(facts, {"notify-keyspace-events"});
}

Sightings fullCoverage(const Facts& facts) {
  const auto values = valuesOf(facts, "cluster-require-full-coverage");
  const auto yes = values.find("yes");
  if (yes == values.end() || values.size() > 1) return {};
  return {{"", "cluster-require-full-coverage is yes"}};
}

Sightings nodeTimeout(const Facts& facts) {
  Sightings found;
  for (const auto& [value, nodes] : valuesOf(facts, "cluster-node-timeout")) {
    const std::int64_t millis = std::atoll(value.c_str());
    const std::string is = "cluster-node-timeout is " + value + " ms";
    if (millis < kShortestTimeout) {
      found.push_back(
          {"", is, {}, "Set it to 1000 or more: a node that is busy for as long counts as failed."});
    } else if (millis > kLongestTimeout) {
      found.push_back(
          {"", is, {}, "Set it to 15000 or less: for that long nobody serves the slots of a lost master."});
    } else if (millis + kElectionMillis > facts.config.holdTimeout.count()) {
      found.push_back({"",
                       is + ", and hold-timeout " + std::to_string(facts.config.holdTimeout.count()) + " ms",
                       {},
                       "Set hold-timeout to " + std::to_string((millis + kElectionMillis + 999) / 1000) +
                           "s or more, or the node time-out to 5000."});
    }
  }
  return found;
}

Sightings versions(const Facts& facts) {
  std::map<std::string, std::vector<std::string>> values;
  for (const Node& node : facts.nodes) {
    if (!node.good()) continue;
    const std::string_view valkey = node.text(node.info, "valkey_version");
    const std::string version = valkey.empty() ? "Redis " + std::string(node.text(node.info, "redis_version"))
                                               : "Valkey " + std::string(valkey);
    if (version != "Redis ") values[version].push_back(node.shown());
  }
  if (values.size() < 2) return {};
  return {{"", shownValues(values)}};
}

Sightings noMaxMemory(const Facts& facts) {
  const auto values = valuesOf(facts, "maxmemory");
  const auto none = values.find("0");
  if (none == values.end()) return {};
  return {{"", "maxmemory is 0: " + shownValues({*none})}};
}

Sightings rights(const Facts& facts) {
  std::map<std::string, std::pair<const Denied*, std::set<std::string>>> byCommand;
  for (const Node& node : facts.nodes) {
    for (const Denied& denied : node.denied) {
      auto& entry = byCommand[denied.command];
      entry.first = &denied;
      entry.second.insert(node.shown());
    }
  }
  Sightings found;
  for (const auto& [command, entry] : byCommand) {
    const auto& [denied, nodes] = entry;
    std::string names;
    for (const std::string& name : nodes) names += (names.empty() ? "" : ", ") + name;
    found.push_back(
        {command, "denied by " + names + ": " + denied->error + "; without it: " + denied->without,
         denied->needed ? Severity::Critical : Severity::Warning,
         "Let the proxy's user have it: ACL SETUSER " +
             (facts.config.username.empty() ? std::string("default") : facts.config.username) + " +" +
             command +
             " on each node (and ACL SAVE); or see docs/restricted-services.md for what takes its place."});
  }
  return found;
}

constexpr Check kSettingChecks[] = {
    {"rights", Severity::Warning, rights, "The proxy asks the nodes for it, as the user that it logs in as.",
     ""},
    {"node-timeout", Severity::Warning, nodeTimeout,
     "Requests for the slots of a lost master wait for hold-timeout: that has to be longer than a failover takes.",
     ""},
    {"full-coverage", Severity::Note, fullCoverage, "One slot without a master stops all others, too.",
     "CONFIG SET cluster-require-full-coverage no on all nodes, unless no answer is better than part of them."},
    {"versions", Severity::Warning, versions,
     "A command works or not depending on where its key is; a replica of an older version cannot read a newer master's data.",
     "Bring all nodes to one version, replicas first."},
    {"settings", Severity::Warning, settingsDiffer, "What happens depends on which node a key is on.",
     "CONFIG SET the same on all nodes (through the proxy: CONFIG SET with allow-admin-commands), and CONFIG REWRITE."},
    {"notifications", Severity::Warning, notifications, "Subscribers get the events of some keys only.",
     "CONFIG SET notify-keyspace-events the same on all nodes; the proxy does when a client subscribes by way of it."},
    {"maxmemory", Severity::Warning, noMaxMemory,
     "The server grows until the system ends it, and its replica has the same data.",
     "Set maxmemory to about two thirds of what the machine has for it, and maxmemory-policy: noeviction for "
     "data that must stay, allkeys-lru or allkeys-lfu for caches."},
};

}  // namespace

std::span<const Check> settingChecks() {
  return kSettingChecks;
}

}  // namespace slotless::doctor
