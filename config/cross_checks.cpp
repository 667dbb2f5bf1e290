#include "config/cross_checks.h"

#include <algorithm>

#include "config/database_rule.h"
#include "config/default_user.h"
#include "config/endpoint.h"
#include "config/schema.h"
#include "config/value.h"

namespace slotless::config {

namespace {

using Conflicts = std::vector<Conflict>;

const Endpoint* firstOpenListener(const Config& config) {
  const auto found = std::find_if(config.listen.begin(), config.listen.end(),
                                  [](const Endpoint& e) { return !isLoopback(e); });
  return found == config.listen.end() ? nullptr : &*found;
}

bool letsAnybodyIn(const Config& config) {
  const bool open = config.password.empty() || config.clientAuth == ClientAuth::None;
  return config.hasUsers() ? defaultUserIsOpen(config.users, open) : open;
}

void checkNodes(const Config& config, Conflicts& conflicts) {
  if (!config.clusterNodes.empty()) return;
  conflicts.push_back(
      {{"cluster-nodes"},
       "not set; name at least one node of the cluster in one of three ways: --cluster-nodes "
       "HOST:PORT,... on the command line, REDIS_CLUSTER_NODES=HOST:PORT,... in the environment, or "
       "cluster-nodes: [\"HOST:PORT\", ...] in the file given by --config"});
}

void checkCredentials(const Config& config, Conflicts& conflicts) {
  if (config.username.empty() || !config.password.empty()) return;
  conflicts.push_back({{"username", "password", "password-file"},
                       "found a username without a password; allowed: both, or neither"});
}

// Never an open relay: what asks clients for nothing must not be reachable from other machines by accident.
void checkOpenDoor(const Config& config, Conflicts& conflicts) {
  const Endpoint* open = firstOpenListener(config);
  if (open == nullptr || !config.protectedMode || !letsAnybodyIn(config)) return;
  std::string problem =
      "found " + inQuotes(formatEndpoint(*open)) + ", which other machines may reach, while ";
  problem +=
      config.password.empty()
          ? "no password is set, so that anybody would be let in; set password (clients must then present it)"
          : "client-auth is none, so that anybody would be let in with the password that is set for the "
            "nodes; set client-auth same";
  problem +=
      ", or listen on 127.0.0.1 only, or set protected-mode no if the network itself keeps strangers out";
  conflicts.push_back({{"listen", "protected-mode", "client-auth", "password", "password-file"}, problem});
}

void checkListeners(const Config& config, Conflicts& conflicts) {
  if (config.listen.empty()) {
    conflicts.push_back({{"listen"}, "found no address; allowed: " + allowed(*findOption("listen"))});
  }
  for (auto i = config.listen.begin(); i != config.listen.end(); ++i) {
    if (i->port == 0 && !i->isUnix()) continue;
    const auto isSame = [&](const Endpoint& other) { return other == static_cast<const Endpoint&>(*i); };
    if (std::any_of(config.listen.begin(), i, isSame)) {
      conflicts.push_back(
          {{"listen"}, "found " + inQuotes(formatEndpoint(*i)) + " a second time; allowed: once"});
    }
    if (config.adminListen && isSame(*config.adminListen)) {
      conflicts.push_back(
          {{"admin-listen", "listen"},
           "found " + inQuotes(formatEndpoint(*i)) + ", which listen has too; allowed: another address"});
    }
  }
}

void checkDefaultDatabase(const Config& config, std::uint64_t database, std::string_view option,
                          Conflicts& conflicts) {
  const std::string found = "found default-database " + std::to_string(database);
  if (database >= config.databases) {
    conflicts.push_back(
        {{option, "databases"}, found + "; allowed: 0 to " + std::to_string(config.databases - 1)});
  } else if (ruleFor(config, database).layout == DatabaseLayout::Denied) {
    conflicts.push_back(
        {{option, "database-layout"}, found + ", which database-layout denies; allowed: another one"});
  }
}

void checkDatabaseMap(const Config& config, const std::string& map, std::string_view option,
                      Conflicts& conflicts) {
  const auto numbers = parseDatabaseMap(map);
  if (!numbers) {
    conflicts.push_back(
        {{option}, "found database-map " + inQuotes(map) + "; allowed: different numbers, separated by +"});
    return;
  }
  for (const std::uint64_t number : *numbers) {
    if (number < config.databases && ruleFor(config, number).layout != DatabaseLayout::Denied) continue;
    conflicts.push_back({{option, "databases"},
                         "found database-map " + inQuotes(map) + "; allowed: 0 to " +
                             std::to_string(config.databases - 1) + ", but for denied ones"});
    return;
  }
}

void checkDatabases(const Config& config, Conflicts& conflicts) {
  for (const DatabaseRule& rule : config.databaseLayout) {
    if (rule.last < config.databases) continue;
    conflicts.push_back({{"database-layout", "databases"},
                         "found " + inQuotes(formatDatabaseRule(rule)) + "; allowed: databases 0 to " +
                             std::to_string(config.databases - 1)});
  }
  checkDefaultDatabase(config, config.defaultDatabase, "default-database", conflicts);
  checkDatabaseMap(config, config.databaseMap, "database-map", conflicts);
  for (const Listener& listener : config.listen) {
    if (listener.options.defaultDatabase)
      checkDefaultDatabase(config, *listener.options.defaultDatabase, "listen", conflicts);
    if (listener.options.databaseMap)
      checkDatabaseMap(config, *listener.options.databaseMap, "listen", conflicts);
  }
}

// For each pair, the first must not be above the second (a 0 that switches the second off does not count).
struct Order {
  std::string_view lower;
  std::string_view upper;
};
constexpr Order kOrders[] = {{"client-output-soft-limit", "client-output-hard-limit"},
                             {"client-output-pubsub-soft-limit", "client-output-pubsub-hard-limit"},
                             {"proto-max-bulk-len", "client-query-buffer-limit"},
                             {"reconnect-backoff-min", "reconnect-backoff-max"},
                             {"topology-min-interval", "topology-refresh-interval"}};

std::uint64_t amount(const Option& option, const Config& config) {
  if (const auto* count = std::get_if<std::uint64_t Config::*>(&option.member)) return config.*(*count);
  return static_cast<std::uint64_t>((config.*std::get<Milliseconds Config::*>(option.member)).count());
}

void checkOrders(const Config& config, Conflicts& conflicts) {
  for (const auto& order : kOrders) {
    const Option& lower = *findOption(order.lower);
    const Option& upper = *findOption(order.upper);
    const auto most = amount(upper, config);
    if (most == 0 || amount(lower, config) <= most) continue;
    conflicts.push_back({{order.lower, order.upper},
                         "found " + inQuotes(format(lower, config)) + "; allowed: at most " +
                             std::string(order.upper) + ", which is " + format(upper, config)});
  }
}

}  // namespace

std::vector<Conflict> conflicts(const Config& config) {
  Conflicts result;
  for (const auto check :
       {checkNodes, checkCredentials, checkListeners, checkOpenDoor, checkOrders, checkDatabases}) {
    check(config, result);
  }
  return result;
}

std::vector<std::string> warnings(const Config& config) {
  std::vector<std::string> result;
  const Endpoint* open = firstOpenListener(config);
  if (open != nullptr && letsAnybodyIn(config)) {
    result.push_back("clients on " + formatEndpoint(*open) +
                     " need no password, and other machines may reach it");
  }
  if (config.adminListen && !isLoopback(*config.adminListen)) {
    result.push_back("metrics on " + formatEndpoint(*config.adminListen) +
                     " need no password, and other machines may reach it");
  }
  return result;
}

}  // namespace slotless::config
