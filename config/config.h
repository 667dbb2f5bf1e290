// The settings of one daemon: a plain value that load() makes and nobody changes afterwards
// (share it as std::shared_ptr<const Config>). A reload makes another one, see reload.h.
//
// Units: std::chrono for times, bytes and counts as std::uint64_t. The initialisers are the defaults;
// everything else that is known of an option (range, unit, sentence ...) is in the table of schema.h.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slotless::config {

using Milliseconds = std::chrono::milliseconds;

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

struct Endpoint {
  std::string host;  // A name or address without brackets; empty means every local address (listeners only).
  std::uint16_t port = 0;
  std::string path = {};  // Listeners only: a Unix socket instead of host and port.

  bool isUnix() const { return !path.empty(); }
  bool operator==(const Endpoint&) const = default;
};

// Where a node is reached that announces another address. Port 0: any, and the same.
struct AddressRule {
  Endpoint from;
  Endpoint to;

  bool operator==(const AddressRule&) const = default;
};

// Addresses that begin with the same bits. Those of IPv4 are as IPv6 maps them, ::ffff:0:0/96.
struct Network {
  std::array<std::uint8_t, 16> address{};
  std::uint8_t bits = 0;

  bool operator==(const Network&) const = default;
};

// How the keys of a logical database lie in the cluster: each in the slot of its own name, all in one slot,
// those of a group in one slot, in the nodes' own database of that number, or the database is not there.
enum class DatabaseLayout { Spread, Pinned, Denied, Grouped, Native };

struct DatabaseRule {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  DatabaseLayout layout = DatabaseLayout::Pinned;
  std::string tag;  // Pinned: what decides about the slot. Empty: the one that the database has by itself.
  std::string patterns = {};  // Grouped: which part of a key is its group, as in "bull:*:|tenant:*:".

  bool operator==(const DatabaseRule&) const = default;
};

// What the requests go to: a cluster, or one plain server (with its replicas), or that server until the
// cut-over to the cluster.
enum class Upstream { Cluster, Single, Migrating };
// What clients must present: clientPassword, or else the upstream's own credentials, if it has any; or
// nothing.
// Passthrough: the nodes judge the clients' own credentials, see docs/access.md.
enum class ClientAuth { Same, None, Passthrough };
// What becomes of a multi-key command whose keys are in several slots.
enum class CrossSlot { Emulate, Error };
enum class CrossSlotTransactions { Error, Each };
// Who is refused with BUSY while a script runs for too long: who needs its node, or all, as by one Redis.
enum class ScriptBusy { Node, All };
// How much of the cluster must be reachable for /readyz to say yes.
enum class ReadyWhen { All, Any };
// Which nodes serve reads. With a replica, a read may be older than the client's own last write.
enum class ReadFrom { Master, PreferReplica, Replica };
// What becomes of a blocked pop when the connection to its node is lost.
enum class BlockingOnLostLink { Error, Reblock };
// What a client is told whose write may or may not have been carried out.
enum class WriteOnLostLink { Error, Close };
// How a node's certificate is verified: for its name as well, or only who has signed it, or not at all.
enum class ClusterTlsVerify { Name, Ca, Off };
// Whether clients must present a certificate, as redis.conf has it.
enum class TlsAuthClients { No, Optional, Yes };
// Which name in a client's certificate is the name of its user.
enum class CertificateUser { Off, CommonName, Uri };
// What becomes of a request that is beyond a rate: it waits, or is refused.
enum class LimitAction { Delay, Error };
enum class LogLevel { Trace, Debug, Info, Warn, Error };
enum class LogFormat { Text, Json };

// What is different for the clients of one listener: an option that is not set here is as it is for all.
struct ListenerOptions {
  std::optional<ReadFrom> readFrom = {};
  std::optional<std::uint64_t> defaultDatabase = {};
  std::optional<std::string> databaseMap = {};
  std::optional<WriteOnLostLink> writeOnLostLink = {};
  std::optional<CrossSlotTransactions> crossSlotTransactions = {};
  std::optional<bool> tls = {};
  std::optional<std::vector<Network>> allow = {};
  std::optional<std::vector<Network>> deny = {};
  std::optional<bool> proxyProtocol = {};
  std::optional<std::vector<Network>> proxyProtocolTrusted = {};
  std::optional<std::vector<std::string>> denyCommands = {};
  std::optional<std::vector<std::string>> renameCommands = {};
  std::optional<std::uint64_t> maxClientsPerAddress = {};
  std::optional<std::uint64_t> acceptRatePerAddress = {};
  std::optional<std::uint64_t> requestRatePerAddress = {};
  std::optional<std::uint64_t> byteRatePerAddress = {};
  std::optional<std::uint64_t> maxInFlightPerAddress = {};
  std::optional<LimitAction> limitAction = {};
  std::optional<Milliseconds> clientIdleTimeout = {};

  bool operator==(const ListenerOptions&) const = default;
};

struct Listener : Endpoint {
  ListenerOptions options = {};

  bool operator==(const Listener&) const = default;
};

// The options that the admin pages have of their own.
struct AdminOptions {
  std::optional<bool> tls = {};
  std::optional<TlsAuthClients> tlsAuthClients = {};

  bool operator==(const AdminOptions&) const = default;
};

struct AdminAddress : Endpoint {
  AdminOptions options = {};

  bool operator==(const AdminAddress&) const = default;
};

struct Config {
  // The cluster, or the one server
  Upstream upstream = Upstream::Cluster;
  // With upstream migrating: Cluster or Single. Not an option, the process finds it out, see forSide().
  std::optional<Upstream> side = {};
  std::vector<Endpoint> server;  // With upstream single or migrating: its address, or those of its sentinels.
  std::string serverUsername;    // Empty: the default user.
  std::string serverPassword;    // Empty: no authentication. Secret.
  bool serverTls = false;
  std::string sentinelName;  // Not empty: server names sentinels, and this is what they call the server.
  std::vector<Endpoint> clusterNodes;
  std::vector<AddressRule> addressMap;
  std::string username;      // Empty: the default user.
  std::string password;      // Empty: no authentication. Secret; load() also fills it from passwordFile.
  std::string passwordFile;  // Empty if a stronger source has the password.
  std::vector<std::string> passwordCommand;  // Whose output has the password, in place of the two.
  Milliseconds passwordCommandTimeout = std::chrono::seconds(10);
  std::uint64_t databases = 16;
  std::vector<DatabaseRule> databaseLayout;  // The last rule for a database counts.
  std::uint64_t defaultDatabase = 0;
  std::string databaseMap;                      // "1+2": the client's 0 is 1, its 1 is 2. Empty: as they are.
  std::uint64_t databaseWarnKeys = 10'000'000;  // 0: never.
  CrossSlot crossSlot = CrossSlot::Emulate;
  CrossSlotTransactions crossSlotTransactions = CrossSlotTransactions::Error;
  std::uint64_t crossSlotMaxBytes = 64ULL * 1024 * 1024;  // 0: no limit.
  ReadFrom readFrom = ReadFrom::Master;
  bool strictOrder = false;
  ScriptBusy scriptBusy = ScriptBusy::Node;
  std::uint64_t shadowSample = 0;  // One of so many requests. 0: none.

  // Listening
  std::vector<Listener> listen{{{"127.0.0.1", 7379}}};
  std::optional<AdminAddress> adminListen = AdminAddress{{"127.0.0.1", 9379}};  // Empty: no admin HTTP.
  std::vector<std::string>
      adminUsers;             // Who may log in on the status page, as lines of the ACL language. Secret.
  bool adminActions = false;  // Whether the status page offers actions.
  bool adminOpen = false;     // Whether anybody may read the status page beyond loopback.
  std::uint64_t tcpBacklog = 511;
  std::uint64_t unixSocketMode = 0700;  // Who may connect, as chmod has it.
  ClientAuth clientAuth = ClientAuth::Same;
  std::string clientPassword;  // Empty: the one for the nodes. Secret; load() fills it from the file as well.
  std::string clientPasswordFile;  // Empty if a stronger source has the password.
  std::vector<std::string>
      users;                   // Lines of Redis's ACL language; load() also fills it from aclFile. Secret.
  std::string aclFile;         // Empty: none.
  std::vector<Network> allow;  // Empty: all.
  std::vector<Network> deny;
  bool proxyProtocol = false;
  std::vector<Network> proxyProtocolTrusted;  // Who may tell from where others come.
  std::vector<std::string> denyCommands;      // "@category", "command", "command|subcommand".
  std::vector<std::string> renameCommands;    // "command=other name", "command=" for none.
  std::uint64_t acllogMaxLen = 128;           // 0: none.
  std::uint64_t passthroughMaxUsers = 1000;   // Over all workers.
  Milliseconds passthroughIdleTimeout = std::chrono::seconds(60);  // 0: never.
  Milliseconds passthroughVerifyInterval = std::chrono::seconds(1);
  bool protectedMode = true;
  bool allowAdminCommands = false;

  // Clients
  std::uint64_t maxClients = 10000;  // Over all workers.
  // Of all clients with one address (of IPv6, in one /64), over all workers. 0: no limit.
  std::uint64_t maxClientsPerAddress = 0;
  std::uint64_t acceptRatePerAddress = 0;   // Connections a second.
  std::uint64_t requestRatePerAddress = 0;  // Requests a second.
  std::uint64_t byteRatePerAddress = 0;     // Bytes a second, both ways.
  std::uint64_t maxInFlightPerAddress = 0;  // Requests that are not answered.
  LimitAction limitAction = LimitAction::Delay;
  Milliseconds tcpKeepalive = std::chrono::seconds(300);
  Milliseconds clientIdleTimeout{0};                           // 0: never.
  Milliseconds clientLoginTimeout = std::chrono::seconds(60);  // 0: never.
  std::uint64_t protoMaxBulkLen = 512 * kMiB;
  std::uint64_t clientQueryBufferLimit = kGiB;
  std::uint64_t memoryLimit = 2 * kGiB;    // Of all buffers. 0: none.
  std::uint64_t clientMaxInFlight = 1024;  // Requests of one client that were sent or held and not answered.
  std::uint64_t clientMaxWatchedKeys = 5000;         // Of one client. 0: any number.
  std::uint64_t clientMaxSubscriptions = 100'000;    // Of one client. 0: any number.
  std::uint64_t clientOutputSoftLimit = 8 * kMiB;    // Above it, reading from the client stops.
  std::uint64_t clientOutputHardLimit = 256 * kMiB;  // Above it, the client is closed. 0: never.

  // Unread messages of one subscriber above which it is closed, at once or after that time. 0: never.
  std::uint64_t clientOutputPubsubHardLimit = 32 * kMiB;
  std::uint64_t clientOutputPubsubSoftLimit = 8 * kMiB;
  Milliseconds clientOutputPubsubSoftSeconds{60'000};

  // Links to the nodes
  std::uint64_t linkMaxInFlightBytes = 64 * kMiB;
  std::uint64_t leaseMaxTransactions = 500;  // Per worker.
  std::uint64_t leaseMaxBlocking = 2000;     // Per worker.
  BlockingOnLostLink blockingOnLostLink = BlockingOnLostLink::Error;
  WriteOnLostLink writeOnLostLink = WriteOnLostLink::Close;
  std::uint64_t leaseMaxTracking = 2000;  // Per worker; one for each master and client.
  std::uint64_t leaseMaxAlone = 16;       // Per worker.
  Milliseconds leaseIdleTimeout{5000};    // 0: never.
  Milliseconds connectTimeout = std::chrono::seconds(2);
  Milliseconds reconnectBackoffMin{50};
  Milliseconds reconnectBackoffMax = std::chrono::seconds(2);
  Milliseconds linkKeepalive = std::chrono::seconds(15);
  std::string linkClientName = "slotless";  // Empty: no CLIENT SETNAME.
  Milliseconds replyTimeout{0};             // 0: never.
  Milliseconds suspectAfter{500};           // 0: never.
  Milliseconds linkHeartbeat{5000};         // 0: never.
  Milliseconds linkIdleTimeout{300'000};    // 0: never.
  bool linksWarmUp = true;
  std::uint64_t nodeConnectRate = 500;  // 0: no limit.
  Milliseconds reauthInterval{0};       // 0: only when the credentials change.

  // Holding requests while a slot has no reachable master
  Milliseconds holdTimeout = std::chrono::seconds(15);
  std::uint64_t holdMaxRequests = 10000;   // Per worker.
  std::uint64_t holdMaxBytes = 64 * kMiB;  // Per worker.

  // Topology
  Milliseconds topologyRefreshInterval = std::chrono::seconds(30);
  Milliseconds topologyMinInterval{100};
  ReadyWhen readyWhen = ReadyWhen::All;
  bool peers = true;  // Proxies of the same cluster tell each other of themselves.

  // TLS, to the nodes and for clients. Files are PEM.
  bool clusterTls = false;
  std::string clusterTlsCaCertFile;  // Empty: whom the system trusts.
  std::string clusterTlsCertFile;    // Empty: no certificate is presented.
  std::string clusterTlsKeyFile;
  std::string clusterTlsProtocols;  // Empty: TLSv1.2 and TLSv1.3.
  std::string clusterTlsCiphers;    // Empty: as OpenSSL has it; the same for the next one.
  std::string clusterTlsCiphersuites;
  std::string clusterTlsServerName;  // Empty: the name that is dialled.
  ClusterTlsVerify clusterTlsVerify = ClusterTlsVerify::Name;
  bool tls = false;  // For listeners that do not say otherwise.
  std::string tlsCertFile;
  std::string tlsKeyFile;
  std::string tlsCaCertFile;
  TlsAuthClients tlsAuthClients = TlsAuthClients::Yes;
  CertificateUser tlsAuthClientsUser = CertificateUser::Off;
  std::string tlsProtocols;
  std::string tlsCiphers;
  std::string tlsCiphersuites;

  bool coreDumps = false;  // Of the process, whose memory has passwords and keys.

  // The slow log
  std::uint64_t slowlogLogSlowerThan = 10000;  // Microseconds.
  std::uint64_t slowlogMaxLen = 128;           // Per worker, and in one answer. 0: none.
  Milliseconds latencyMonitorThreshold{0};     // 0: no events are kept.
  std::uint64_t hotKeysSample = 100;           // One of so many requests. 0: none.
  std::string traceEndpoint;                   // An URL, see http_url.h. Empty: no traces.
  std::uint64_t traceSample = 1000;  // One of so many requests. 0: none but those that clients ask for.
  std::string traceServiceName = "slotless";

  // The process
  std::uint64_t workers = 0;  // 0 is `auto`; load() replaces it by the number of CPUs, at least 2.
  LogLevel logLevel = LogLevel::Info;
  LogFormat logFormat = LogFormat::Text;
  Milliseconds shutdownTimeout = std::chrono::seconds(10);
  Milliseconds upgradeTimeout = std::chrono::minutes(1);
  Milliseconds upgradeDrainTimeout = std::chrono::minutes(10);
  std::string pidFile;  // Empty: none.

  // Are there users, so that it is they who decide about clients?
  bool hasUsers() const { return !users.empty() || !aclFile.empty(); }

  // Do clients present credentials of the nodes, and are their requests carried out as the nodes' users?
  bool passesThrough() const { return clientAuth == ClientAuth::Passthrough; }

  bool operator==(const Config&) const = default;
};

// What clients must present as a password; empty: none is set. Never what a command has told for the nodes.
inline const std::string& clientSecret(const Config& config) noexcept {
  return config.clientPassword.empty() ? config.password : config.clientPassword;
}

}  // namespace slotless::config
