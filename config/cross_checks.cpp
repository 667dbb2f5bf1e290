#include "config/cross_checks.h"

#include <algorithm>

#include "config/database_rule.h"
#include "config/default_user.h"
#include "config/endpoint.h"
#include "config/http_url.h"
#include "config/listener.h"
#include "config/schema.h"
#include "config/tls_versions.h"
#include "config/upstream.h"
#include "config/value.h"

namespace slotless::config {

namespace {

using Conflicts = std::vector<Conflict>;

// Behind a balancer clients come from elsewhere, though it may be on this machine.
const Endpoint* firstOpenListener(const Config& config) {
  const auto found = std::find_if(config.listen.begin(), config.listen.end(), [&](const Listener& each) {
    return !isLoopback(each) || effective(each.options.proxyProtocol, config.proxyProtocol);
  });
  return found == config.listen.end() ? nullptr : &*found;
}

bool letsAnybodyIn(const Config& config) {
  if (config.passesThrough()) return false;  // the nodes decide
  const bool open = clientSecret(config).empty() || config.clientAuth == ClientAuth::None;
  return config.hasUsers() ? defaultUserIsOpen(config.users, open) : open;
}

void checkServer(const Config& config, Conflicts& conflicts) {
  const std::string upstream = config.upstream == Upstream::Single ? "single" : "migrating";
  if (config.server.empty()) {
    conflicts.push_back(
        {{"server", "upstream"},
         "not set, though upstream is " + upstream +
             "; name the server by --server HOST:PORT on the command line, "
             "REDIS_URL=redis://HOST:PORT in the environment, or server: [\"HOST:PORT\"] in the file given by "
             "--config"});
  }
  const auto renumbers = [](const Listener& listener) { return listener.options.databaseMap.has_value(); };
  const bool byListener = std::any_of(config.listen.begin(), config.listen.end(), renumbers);
  if (!config.databaseMap.empty() || byListener) {
    conflicts.push_back({{byListener ? "listen" : "database-map", "upstream"},
                         "found database-map while upstream is " + upstream +
                             ", where MOVE and SWAPDB name databases as the server does; allowed: none"});
  }
  if (config.upstream == Upstream::Migrating) return;
  for (const DatabaseRule& rule : config.databaseLayout) {
    if (rule.layout == DatabaseLayout::Native || rule.layout == DatabaseLayout::Denied) continue;
    conflicts.push_back(
        {{"database-layout", "upstream"},
         "found " + inQuotes(formatDatabaseRule(rule)) +
             " while upstream is single, where databases are the server's own; allowed: native "
             "or denied"});
    return;
  }
}

// Only the two sides of a migration can be compared.
void checkShadow(const Config& config, Conflicts& conflicts) {
  if (config.shadowSample == 0) return;
  if (config.upstream != Upstream::Migrating) {
    conflicts.push_back({{"shadow-sample", "upstream"},
                         "found while upstream is not migrating, so that there is nothing to compare with; "
                         "allowed: 0"});
  } else if (!config.sentinelName.empty()) {
    conflicts.push_back({{"shadow-sample", "sentinel-name"},
                         "found together with sentinel-name; allowed: a server that is named itself"});
  }
}

void checkTracing(const Config& config, Conflicts& conflicts) {
  if (config.traceEndpoint.empty()) return;
  const auto url = parseHttpUrl(config.traceEndpoint);
  if (url.value) return;
  const bool hidden = config.traceEndpoint.find('@') != std::string::npos;
  conflicts.push_back({{"trace-endpoint"},
                       "found " +
                           (hidden ? std::string("a text that is not shown because it may hold a secret")
                                   : inQuotes(config.traceEndpoint)) +
                           " (" + url.reason + "); allowed: http://HOST:PORT/PATH, or nothing"});
}

void checkNodes(const Config& config, Conflicts& conflicts) {
  if (servesOneServer(config)) return checkServer(config, conflicts);
  if (config.upstream == Upstream::Migrating) {
    checkServer(config, conflicts);
    if (!config.passwordCommand.empty()) {
      conflicts.push_back({{"password-command", "upstream"},
                           "found while upstream is migrating; allowed: password or password-file"});
    }
    if (config.passesThrough()) {
      conflicts.push_back(
          {{"client-auth", "upstream"},
           "found passthrough while upstream is migrating, since the server's users are not "
           "those of the cluster's nodes; allowed: same or none, or users of the proxy's own"});
    }
  }
  if (!config.clusterNodes.empty()) return;
  conflicts.push_back(
      {{"cluster-nodes"},
       "not set; name at least one node of the cluster in one of three ways: --cluster-nodes "
       "HOST:PORT,... on the command line, REDIS_CLUSTER_NODES=HOST:PORT,... in the environment, or "
       "cluster-nodes: [\"HOST:PORT\", ...] in the file given by --config"});
}

void checkCredentials(const Config& config, Conflicts& conflicts) {
  const bool byCommand = !config.passwordCommand.empty();
  if (byCommand && !config.password.empty()) {
    conflicts.push_back({{"password-command", "password", "password-file"},
                         "found together with password or password-file; allowed: one of the three"});
  }
  if (config.passesThrough() && (config.hasUsers() || !config.clientPassword.empty())) {
    conflicts.push_back({{"client-auth", "users", "acl-file", "client-password", "client-password-file"},
                         "found passthrough together with users or a password of the proxy's own; "
                         "allowed: one of the two, since the nodes judge the credentials of clients"});
  }
  // What a command tells changes, and is nobody's to present.
  if (byCommand && config.clientAuth == ClientAuth::Same && config.clientPassword.empty()) {
    conflicts.push_back(
        {{"password-command", "client-auth", "client-password", "client-password-file"},
         "found without a password for clients, which cannot present what the command prints; set "
         "client-password or client-password-file, or client-auth none"});
  }
  if (config.username.empty() || byCommand || !config.password.empty()) return;
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
      config.upstream == Upstream::Migrating
          ? "neither server-password nor client-password is set, so that anybody would be let in; set one of them"
      : clientSecret(config).empty()
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

// A trusted balancer may name any address as the client's.
void checkProxyProtocol(const Config& config, Conflicts& conflicts) {
  for (const Listener& listener : config.listen) {
    if (!effective(listener.options.proxyProtocol, config.proxyProtocol) || listener.isUnix()) continue;
    if (!effective(listener.options.proxyProtocolTrusted, config.proxyProtocolTrusted).empty()) continue;
    conflicts.push_back(
        {{listener.options.proxyProtocol ? "listen" : "proxy-protocol", "proxy-protocol-trusted"},
         "found proxy-protocol for " + inQuotes(formatEndpoint(listener)) +
             "; allowed: with proxy-protocol-trusted, the addresses of the balancers"});
    return;
  }
}

void checkRenames(const std::vector<std::string>& renames, std::string_view option, Conflicts& conflicts) {
  std::vector<std::string_view> names;
  const auto isTwice = [&](std::string_view name) {
    const bool twice = std::find(names.begin(), names.end(), name) != names.end();
    names.push_back(name);
    return twice;
  };
  for (const std::string_view rename : renames) {
    const auto equals = rename.find('=');
    const std::string_view other = rename.substr(equals + 1);
    if (!isTwice(rename.substr(0, equals)) && (other.empty() || !isTwice(other))) continue;
    conflicts.push_back({{option},
                         "found rename-commands " + inQuotes(rename) +
                             ", and one of its names in another "
                             "entry; allowed: each name once"});
    return;
  }
}

void checkAllRenames(const Config& config, Conflicts& conflicts) {
  checkRenames(config.renameCommands, "rename-commands", conflicts);
  for (const Listener& listener : config.listen) {
    if (listener.options.renameCommands) checkRenames(*listener.options.renameCommands, "listen", conflicts);
  }
}

// Nobody would be let in by a certificate.
void checkCertificateUsers(const Config& config, Conflicts& conflicts) {
  if (config.tlsAuthClientsUser == CertificateUser::Off) return;
  const std::string found = "found " + inQuotes(format(*findOption("tls-auth-clients-user"), config));
  if (!config.hasUsers()) {
    conflicts.push_back({{"tls-auth-clients-user", "users", "acl-file"},
                         found + " without users; allowed: with users or acl-file, or off"});
  } else if (config.tlsAuthClients == TlsAuthClients::No) {
    conflicts.push_back({{"tls-auth-clients-user", "tls-auth-clients"},
                         found + " while clients are not asked for certificates; allowed: with "
                                 "tls-auth-clients yes or optional"});
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
  for (const DatabaseRule& rule : config.databaseLayout) {
    if (rule.layout != DatabaseLayout::Native || !config.passesThrough()) continue;
    conflicts.push_back(
        {{"database-layout", "client-auth"},
         "found " + inQuotes(formatDatabaseRule(rule)) +
             " together with client-auth passthrough; allowed: another layout, since each user has "
             "links to the nodes' database 0 only"});
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

void checkPair(const std::string& certificate, const std::string& key, std::string_view prefix,
               Conflicts& conflicts) {
  if (certificate.empty() == key.empty()) return;
  const std::string_view found = key.empty() ? "cert-file" : "key-file";
  const std::string_view missing = key.empty() ? "key-file" : "cert-file";
  const std::string name = std::string(prefix) + std::string(found);
  conflicts.push_back(
      {{findOption(name)->name},
       "found without " + std::string(prefix) + std::string(missing) + "; allowed: both, or neither"});
}

void checkVersions(const std::string& text, std::string_view option, Conflicts& conflicts) {
  if (parseTlsVersions(text)) return;
  conflicts.push_back(
      {{option}, "found " + inQuotes(text) + "; allowed: TLSv1.2, TLSv1.3, or both, separated by a space"});
}

// Whoever names an authority believes that somebody is verified.
void checkClusterTls(const Config& config, Conflicts& conflicts) {
  checkPair(config.clusterTlsCertFile, config.clusterTlsKeyFile, "cluster-tls-", conflicts);
  checkVersions(config.clusterTlsProtocols, "cluster-tls-protocols", conflicts);
  if (forBothSides(config).clusterTls) return;
  for (const std::string_view name : {"cluster-tls-ca-cert-file", "cluster-tls-cert-file",
                                      "cluster-tls-key-file", "cluster-tls-server-name"}) {
    if (format(*findOption(name), config).empty()) continue;
    conflicts.push_back(
        {{findOption(name)->name, "cluster-tls"},
         "found while nodes are reached without TLS; allowed: with cluster-tls yes, or rediss:// in "
         "cluster-nodes"});
    return;
  }
}

// An address that is served by TLS, and the option that has it.
struct Served {
  const Endpoint& address;
  std::string_view option;
  TlsAuthClients authClients;
  bool asksByItself;  // the address says so, and not the option tls-auth-clients
};

void checkServed(const Config& config, const Served& served, Conflicts& conflicts) {
  if (config.tlsCertFile.empty() && config.tlsKeyFile.empty()) {
    conflicts.push_back({{served.option, "tls"},
                         "found " + inQuotes(formatEndpoint(served.address)) +
                             ", which is served by TLS; allowed: together with tls-cert-file and "
                             "tls-key-file"});
  }
  if (served.authClients != TlsAuthClients::No && config.tlsCaCertFile.empty()) {
    Config asked;
    asked.tlsAuthClients = served.authClients;
    const std::string_view option = served.asksByItself ? served.option : "tls-auth-clients";
    conflicts.push_back({{option},
                         std::string("found ") + (served.asksByItself ? "tls-auth-clients " : "") +
                             inQuotes(format(*findOption("tls-auth-clients"), asked)) +
                             "; allowed: with tls-ca-cert-file, which says whose certificates are good, or "
                             "no"});
  }
}

void checkTls(const Config& config, Conflicts& conflicts) {
  checkPair(config.tlsCertFile, config.tlsKeyFile, "tls-", conflicts);
  checkVersions(config.tlsProtocols, "tls-protocols", conflicts);
  const auto local = std::find_if(config.listen.begin(), config.listen.end(), [&](const Listener& each) {
    return each.isUnix() && usesTls(config, each);
  });
  if (local != config.listen.end()) {
    conflicts.push_back(
        {{"listen"},
         "found " + inQuotes(formatListen(*local)) + "; allowed: TLS on addresses, but not on Unix sockets"});
  }
  const auto served = std::find_if(config.listen.begin(), config.listen.end(),
                                   [&](const Listener& each) { return usesTls(config, each); });
  const std::size_t before = conflicts.size();
  if (served != config.listen.end())
    checkServed(config, {*served, "listen", config.tlsAuthClients, false}, conflicts);
  if (conflicts.size() > before || !adminUsesTls(config)) return;
  const bool asksByItself = config.adminListen->options.tlsAuthClients.has_value();
  checkServed(config, {*config.adminListen, "admin-listen", adminAuthClients(config), asksByItself},
              conflicts);
}

// For each pair, the first must not be above the second (a 0 that switches the second off does not count).
struct Order {
  std::string_view lower;
  std::string_view upper;
};
constexpr Order kOrders[] = {{"client-output-soft-limit", "client-output-hard-limit"},
                             {"client-output-pubsub-soft-limit", "client-output-pubsub-hard-limit"},
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

std::vector<Conflict> conflicts(const Config& given) {
  // The checks about the cluster and about clients are for the time after the cut-over.
  const Config config = given.upstream == Upstream::Migrating ? forSide(given, Upstream::Cluster) : given;
  Conflicts result;
  for (const auto check : {checkNodes, checkCredentials, checkListeners, checkOpenDoor, checkOrders,
                           checkDatabases, checkClusterTls, checkTls, checkProxyProtocol, checkAllRenames,
                           checkCertificateUsers, checkShadow, checkTracing}) {
    check(config, result);
  }
  return result;
}

std::vector<std::string> warnings(const Config& given) {
  const Config config = given.upstream == Upstream::Migrating ? forSide(given, Upstream::Cluster) : given;
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
  if (config.clusterTls && config.clusterTlsVerify == ClusterTlsVerify::Off) {
    result.push_back(
        "cluster-tls-verify is off: whoever is between here and the nodes can read and change everything, "
        "passwords included");
  }
  return result;
}

}  // namespace slotless::config
