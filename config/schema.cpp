#include "config/schema.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "config/member_count.h"

namespace slotless::config {

namespace {

constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kMostBytes = 64 * kGiB;

using enum Kind;
using enum Group;

constexpr std::array kSchema{
    Option{
        "upstream", Choice, &Config::upstream, Cluster, 0, 0, "", kPlain, "", "",
        "Whether the proxy stands in front of a cluster, of one plain server with its replicas, or of that "
        "server until slotless migrate cut-over, and of the cluster from then on (migrating)."},
    Option{
        "server", Nodes, &Config::server, Cluster, 0, 0, "", kMayBeEmpty, "", "",
        "With upstream single or migrating: the server, or its sentinels if sentinel-name is set. As a URL "
        "(redis[s]://USER:PASSWORD@HOST:PORT, redis+sentinel://HOST:PORT,HOST:PORT/NAME) it also sets server-tls, "
        "server-username, server-password and sentinel-name."},
    Option{"server-username", Word, &Config::serverUsername, Cluster, 0, 512, "", kPlain, "", "",
           "ACL user to log in as on that server; empty means the default user."},
    Option{"server-password", Text, &Config::serverPassword, Cluster, 0, 4096, "", kPlain | kSecret, "", "",
           "Password for that server; clients must then present it too, unless client-password is set."},
    Option{"server-tls", Boolean, &Config::serverTls, Cluster, 0, 0, "", kPlain, "", "",
           "Whether connections to that server are encrypted, by the files of cluster-tls."},
    Option{"sentinel-name", Word, &Config::sentinelName, Cluster, 0, 512, "", kPlain, "", "",
           "What the sentinels that server names call the server."},
    Option{"cluster-nodes", Nodes, &Config::clusterNodes, Cluster, 0, 0, "", kReloadable,
           "REDIS_CLUSTER_NODES", "",
           "Nodes of the cluster to start from; the others are found by asking these. As URLs "
           "(rediss://USER:PASSWORD@HOST:PORT, or redis:// without TLS) they also set cluster-tls, username "
           "and password."},
    Option{"address-map", AddressRules, &Config::addressMap, Cluster, 0, 0, "", kReloadable, "", "",
           "Where nodes are reached whose announced addresses are good "
           "elsewhere only (NAT, containers): ANNOUNCED=REACHABLE."},
    Option{"username", Word, &Config::username, Cluster, 0, 512, "", kReloadable, "REDIS_USERNAME", "",
           "ACL user to log in as on the nodes; empty means the default user."},
    Option{"password", Text, &Config::password, Cluster, 0, 4096, "", kReloadable | kSecret, "REDIS_PASSWORD",
           "",
           "Password for the nodes, which clients must then present too, unless client-password is set; "
           "prefer password-file or the environment, since other users of the machine can see a command "
           "line."},
    Option{"password-file", Path, &Config::passwordFile, Cluster, 0, 4096, "", kReloadable, "", "",
           "File whose only line is the password; use it or password, not both. It is read again when it "
           "changes, and connections log in anew."},
    Option{"password-command", Program, &Config::passwordCommand, Cluster, 0, 4096, "", kReloadable, "", "",
           "Program that prints the password for the nodes, such as a token that expires, and is run again "
           "before that; see credentials.md. Clients present client-password."},
    Option{"password-command-timeout", Duration, &Config::passwordCommandTimeout, Cluster, 100, 5 * kMinute,
           "", kReloadable, "", "", "Time for password-command, which is killed after it."},
    Option{"databases", Count, &Config::databases, Cluster, 1, 16384, "", kPlain, "", "databases",
           "Number of logical databases; SELECT of a higher number is out of range. With 1, database 0 costs "
           "nothing extra."},
    Option{
        "database-layout", DatabaseRules, &Config::databaseLayout, Cluster, 0, 0, "", kPlain, "", "",
        "How databases lie in the cluster: spread over its slots (the default for 0), pinned to "
        "one slot, where everything works as on one Redis (the default for the others), grouped:PATTERN (what "
        "the pattern's stars stand for is a key's group, and a group is in one slot), native (the nodes' own "
        "database of that number, of Valkey 9), or denied."},
    Option{"default-database", Count, &Config::defaultDatabase, Cluster, 0, 16383, "", kPlain, "", "",
           "The database that a connection begins in. A listener may have its own."},
    Option{
        "database-map", Word, &Config::databaseMap, Cluster, 0, 512, "", kPlain, "", "",
        "Which databases the numbers 0, 1 ... of clients are, separated by +: with 1 the clients' database 0 "
        "is database 1 (and the only one that they see), for applications that say SELECT 0 themselves. "
        "Empty means as they are. A listener may have its own."},
    Option{
        "database-warn-keys", Count, &Config::databaseWarnKeys, Cluster, 1, 1ULL << 40U, "never", kReloadable,
        "", "",
        "Keys in a pinned database's slot above which the log warns: all of the database is on one master."},
    Option{"read-from", Choice, &Config::readFrom, Cluster, 0, 0, "", kReloadable, "", "",
           "Which nodes serve reads outside of transactions: from a replica, a read may be older than the "
           "client's own last write; prefer-replica falls back to the master. A listener may have its own."},
    Option{
        "cross-slot", Choice, &Config::crossSlot, Cluster, 0, 0, "", kReloadable, "", "",
        "Whether a multi-key command over several slots is split and merged, or carried out in one of them with the "
        "values of the others, or answered with CROSSSLOT."},
    Option{
        "cross-slot-max-bytes", Bytes, &Config::crossSlotMaxBytes, Cluster, 0, kMostBytes, "", kReloadable,
        "", "",
        "How much may be brought from other slots for one command (SUNION, ZINTERSTORE, PFMERGE …); above it the "
        "answer is CROSSSLOT. 0: no limit."},
    Option{
        "cross-slot-transactions", Choice, &Config::crossSlotTransactions, Cluster, 0, 0, "", kReloadable, "",
        "",
        "What MULTI … EXEC over several slots is: refused, or one atomic group for each slot, one after the other. For "
        "libraries that send batches as transactions. A listener may have its own."},
    Option{"strict-order", Boolean, &Config::strictOrder, Cluster, 0, 0, "", kReloadable, "", "",
           "Whether a client's next command waits for its earlier replies whenever the node changes."},
    Option{"script-busy", Choice, &Config::scriptBusy, Cluster, 0, 0, "", kReloadable, "", "",
           "Who is refused with BUSY while a script or function runs for longer than the nodes' "
           "busy-reply-threshold: those who need its node, or all clients, as by one Redis."},
    Option{
        "shadow-sample", Count, &Config::shadowSample, Cluster, 1, 1'000'000, "none", kReloadable, "", "",
        "With upstream migrating: one of so many reads, on average, is asked again on both sides beside the "
        "clients, and the replies are compared; 100 is 1 %. In a file also as shadow: {upstream: cluster, "
        "sample: 1%}. See migration.md."},

    Option{"listen", Listeners, &Config::listen, Listening, 0, 0, "", kPlain, "", "",
           "Addresses and Unix sockets on which clients are accepted; repeat the option or separate them by "
           "commas. Sockets that systemd, or an earlier process at an upgrade, passes on are used instead."},
    Option{"admin-listen", AdminListener, &Config::adminListen, Listening, 0, 0, "", kPlain, "", "",
           "Address of /metrics, /healthz and /readyz, which are read-only and ask for no password. With "
           "?tls=yes they are served by TLS, with tls-cert-file and the others."},
    Option{
        "admin-users", Lines, &Config::adminUsers, Listening, 0, 65536, "", kReloadable | kSecret, "", "",
        "Who may log in on the status page, one line each (user NAME on >PASSWORD); users with +@admin may as well."},
    Option{
        "admin-actions", Boolean, &Config::adminActions, Listening, 0, 0, "", kReloadable, "", "",
        "Whether those who are logged in on the status page may pause clients, close them, reset statistics and "
        "reload the configuration."},
    Option{"admin-open", Boolean, &Config::adminOpen, Listening, 0, 0, "", kReloadable, "", "",
           "Whether the status page may be read without a login by others than this machine."},
    Option{"tcp-backlog", Count, &Config::tcpBacklog, Listening, 1, 65535, "", kPlain, "", "tcp-backlog",
           "Connections that the kernel keeps waiting to be accepted."},
    Option{"unix-socket-mode", Mode, &Config::unixSocketMode, Listening, 0, 0777, "", kPlain, "",
           "unixsocketperm",
           "Permissions of Unix sockets that listen names: who may write to one may connect."},
    Option{"client-auth", Choice, &Config::clientAuth, Listening, 0, 0, "", kReloadable, "", "",
           "Whether clients must present the same credentials that are used for the nodes (or "
           "client-password, if it is set), or none, or credentials of their own that the nodes judge "
           "(passthrough): then their requests go as that user of the nodes, see access.md."},
    Option{"client-password", Text, &Config::clientPassword, Listening, 0, 4096, "", kReloadable | kSecret,
           "", "",
           "Password that clients must present instead of the one for the nodes, as the default user or "
           "username; needed where password-command gives the nodes'."},
    Option{"client-password-file", Path, &Config::clientPasswordFile, Listening, 0, 4096, "", kReloadable, "",
           "",
           "File whose only line is client-password; use it or client-password, not both. It is read again "
           "when it changes."},
    Option{
        "users", Lines, &Config::users, Listening, 0, 65536, "", kReloadable | kSecret, "", "",
        "Users as Redis's ACL files have them, one line each (user NAME RULE ...), see access.md: then they "
        "decide what clients may do, and the password of clients is the default user's."},
    Option{"acl-file", Path, &Config::aclFile, Listening, 0, 4096, "", kReloadable, "", "aclfile",
           "File of such lines, which ACL SAVE writes and ACL LOAD reads; use it or users, not both."},
    Option{
        "allow", Networks, &Config::allow, Listening, 0, 0, "", kReloadable, "", "",
        "Who may connect, by address; empty means all. Unix sockets are not concerned. A listener may have "
        "its own, as in 0.0.0.0:6379?allow=10.0.0.0/8+192.168.0.0/16."},
    Option{"deny", Networks, &Config::deny, Listening, 0, 0, "", kReloadable, "", "",
           "Who may not, even if allow names them. A listener may have its own."},
    Option{"proxy-protocol", Boolean, &Config::proxyProtocol, Listening, 0, 0, "", kReloadable, "", "",
           "Whether each connection begins with a header of the PROXY protocol, version 1 or 2, by which a "
           "balancer tells where it comes from. A listener may have its own."},
    Option{
        "proxy-protocol-trusted", Networks, &Config::proxyProtocolTrusted, Listening, 0, 0, "", kReloadable,
        "", "",
        "Addresses of the balancers that are believed; other connections to a listener with proxy-protocol "
        "are closed. A listener may have its own."},
    Option{"deny-commands", Commands, &Config::denyCommands, Listening, 0, 0, "", kReloadable, "", "",
           "Commands that no client may send, whoever it is. A listener may have its own."},
    Option{"rename-commands", Renames, &Config::renameCommands, Listening, 0, 0, "", kReloadable, "", "",
           "Commands that are known by another name, or by none, as by rename-command of Redis. A listener "
           "may have its own."},
    Option{"acllog-max-len", Count, &Config::acllogMaxLen, Listening, 1, 1'000'000, "none", kReloadable, "",
           "acllog-max-len", "Entries that ACL LOG keeps of refused logins, commands, keys and channels."},
    Option{"passthrough-max-users", Count, &Config::passthroughMaxUsers, Listening, 1, 100'000, "",
           kReloadable, "", "",
           "With client-auth passthrough: users that have connections of their own to the nodes at the same "
           "time; when it is reached, those of the user that has had no client for longest are closed."},
    Option{"passthrough-idle-timeout", Duration, &Config::passthroughIdleTimeout, Listening, kSecond,
           24 * kHour, "never", kReloadable, "", "",
           "The same: time without a request after which a connection of such a user is closed, and time "
           "without a client after which all of them are."},
    Option{"passthrough-verify-interval", Duration, &Config::passthroughVerifyInterval, Listening, 100,
           5 * kMinute, "", kReloadable, "", "",
           "The same: time for which an answer of the nodes about a user (are these credentials good, may it "
           "run this) is used again; so long a change of its password or rules may go unnoticed here."},
    Option{"protected-mode", Boolean, &Config::protectedMode, Listening, 0, 0, "", kPlain, "",
           "protected-mode", "Whether to refuse to listen beyond loopback while clients need no password."},
    Option{
        "allow-admin-commands", Boolean, &Config::allowAdminCommands, Listening, 0, 0, "", kReloadable, "",
        "",
        "Whether clients may send commands that administer the nodes, such as CONFIG SET or SAVE; SHUTDOWN "
        "and the like are always refused."},

    Option{"max-clients", Count, &Config::maxClients, Clients, 1, 1000000, "", kReloadable, "", "maxclients",
           "Clients connected at the same time, over all workers; further ones get an error and are closed."},
    Option{"max-clients-per-address", Count, &Config::maxClientsPerAddress, Clients, 1, 1'000'000, "no limit",
           kReloadable, "", "",
           "The same of one address, of IPv6 of one /64. Unix sockets are not concerned. A listener may have "
           "its own."},
    Option{"accept-rate-per-address", Count, &Config::acceptRatePerAddress, Clients, 1, 1'000'000, "no limit",
           kReloadable, "", "",
           "Connections a second from one address, after as many at once; further ones get an error and are "
           "closed. A listener may have its own."},
    Option{
        "requests-per-second-per-address", Count, &Config::requestRatePerAddress, Clients, 1, 1'000'000'000,
        "no limit", kReloadable, "", "",
        "Requests a second of all clients from one address, after as many at once. A listener may have its "
        "own."},
    Option{"bytes-per-second-per-address", Bytes, &Config::byteRatePerAddress, Clients, kKiB, kMostBytes,
           "no limit", kReloadable, "", "",
           "Bytes a second of all clients from one address, requests and replies together, after as many at "
           "once. A listener may have its own."},
    Option{"max-in-flight-per-address", Count, &Config::maxInFlightPerAddress, Clients, 1, 1'000'000,
           "no limit", kReloadable, "", "",
           "Unanswered requests of all clients from one address, without those that block. A listener may "
           "have its own."},
    Option{"limit-action", Choice, &Config::limitAction, Clients, 0, 0, "", kReloadable, "", "",
           "What becomes of requests beyond such a limit: they wait, and the client is not read from, or get "
           "an error. A listener may have its own."},
    Option{"tcp-keepalive", Duration, &Config::tcpKeepalive, Clients, kSecond, 9 * kHour, "off", kReloadable,
           "", "tcp-keepalive", "Silence after which the kernel probes whether a client is still there."},
    Option{"client-idle-timeout", Duration, &Config::clientIdleTimeout, Clients, kSecond, 720 * kHour,
           "never", kReloadable, "", "timeout",
           "Silence after which a client is closed. A listener may have its own."},
    Option{"client-login-timeout", Duration, &Config::clientLoginTimeout, Clients, kSecond, kHour, "never",
           kReloadable, "", "",
           "Time within which a client has to log in, where it must; then it is closed."},
    Option{"proto-max-bulk-len", Bytes, &Config::protoMaxBulkLen, Clients, kMiB, kMostBytes, "", kReloadable,
           "", "proto-max-bulk-len",
           "Longest single argument of a request, where client-query-buffer-limit lets it through."},
    Option{"client-query-buffer-limit", Bytes, &Config::clientQueryBufferLimit, Clients, kMiB, kMostBytes, "",
           kReloadable, "", "client-query-buffer-limit",
           "Longest unfinished request of a client, which is closed above it."},
    Option{"memory-limit", Bytes, &Config::memoryLimit, Clients, kMiB, 1024 * kMostBytes, "none", kReloadable,
           "", "",
           "All that the daemon allocates while it serves. From half of it on clients with unread "
           "replies get no more than their share; above it those that hold most are closed, and "
           "others with more than their share are not read from until an eighth is free."},
    Option{
        "client-max-in-flight", Count, &Config::clientMaxInFlight, Clients, 1, 1000000, "", kReloadable, "",
        "",
        "Requests of one client that are sent or held and not yet answered; reading from it stops above it."},
    Option{"client-max-watched-keys", Count, &Config::clientMaxWatchedKeys, Clients, 1, 10'000'000,
           "any number", kReloadable, "", "",
           "Keys that one client can WATCH at the same time; a node looks at each of them for every further "
           "one, and serves nobody meanwhile."},
    Option{"client-max-subscriptions", Count, &Config::clientMaxSubscriptions, Clients, 1, 10'000'000,
           "any number", kReloadable, "", "",
           "Channels and patterns that one client can be subscribed to at the same time."},
    Option{"client-output-soft-limit", Bytes, &Config::clientOutputSoftLimit, Clients, kKiB, kMostBytes, "",
           kReloadable, "", "", "Unread replies of one client above which reading from it stops."},
    Option{"client-output-hard-limit", Bytes, &Config::clientOutputHardLimit, Clients, kKiB, kMostBytes,
           "never", kReloadable, "", "",
           "Unread replies of one client above which it is closed; one large reply is not counted."},
    Option{"client-output-pubsub-hard-limit", Bytes, &Config::clientOutputPubsubHardLimit, Clients, kKiB,
           kMostBytes, "never", kReloadable, "", "",
           "Unread bytes of a client that is subscribed or monitors, above which it is closed."},
    Option{"client-output-pubsub-soft-limit", Bytes, &Config::clientOutputPubsubSoftLimit, Clients, kKiB,
           kMostBytes, "never", kReloadable, "", "",
           "The same, above which it is closed when that lasts for client-output-pubsub-soft-seconds."},
    Option{"client-output-pubsub-soft-seconds", Duration, &Config::clientOutputPubsubSoftSeconds, Clients,
           kSecond, kHour, "at once", kReloadable, "", "",
           "How long a client that is subscribed or monitors may be above its soft limit."},

    Option{"link-max-in-flight-bytes", Bytes, &Config::linkMaxInFlightBytes, Links, 64 * kKiB, kMostBytes, "",
           kReloadable, "", "", "Bytes of requests on one link to a node that are not yet answered."},
    Option{"lease-max-transactions", Count, &Config::leaseMaxTransactions, Links, 1, 100'000, "", kReloadable,
           "", "",
           "Clients of one worker that can WATCH at the same "
           "time, each with a connection of its own to a node."},
    Option{"lease-max-blocking", Count, &Config::leaseMaxBlocking, Links, 1, 100'000, "", kReloadable, "", "",
           "Clients of one worker that can be in a blocking command at the same time, "
           "each with a connection of its own to a node; others wait, and the time counts."},
    Option{
        "blocking-on-lost-link", Choice, &Config::blockingOnLostLink, Links, 0, 0, "", kReloadable, "", "",
        "What a client that is blocked in BLPOP or the like gets when the connection to the node is lost: an "
        "error, since an element may have been taken for it, or nothing, and it is blocked again."},
    Option{
        "write-on-lost-link", Choice, &Config::writeOnLostLink, Links, 0, 0, "", kReloadable, "", "",
        "What a client gets whose write was sent when the connection to the node was lost, so that it may or "
        "may not have been carried out: a closed connection, as from one Redis that crashed, which is what "
        "clients and frameworks know how to deal with, or the error AMBIGUOUS, for those who handle it. A "
        "listener may have its own."},
    Option{"lease-max-tracking", Count, &Config::leaseMaxTracking, Links, 1, 100'000, "", kReloadable, "", "",
           "Connections of one worker for clients with CLIENT TRACKING on, of which each needs one to every "
           "master (with REDIRECT two); who finds too few free is refused when the time to hold is over. "
           "Those who wait over slots need one to every master for all of them."},
    Option{"lease-max-alone", Count, &Config::leaseMaxAlone, Links, 1, 100'000, "", kReloadable, "", "",
           "Connections of one worker for requests that may be what breaks the connections they are on: each "
           "has one for itself alone; others wait."},
    Option{"lease-idle-timeout", Duration, &Config::leaseIdleTimeout, Links, 100, 24 * kHour, "never",
           kReloadable, "", "",
           "Time after which a WATCH with which nothing is done ends as if a watched key had changed, if "
           "others wait for its connection; the shorter the more of them wait."},
    Option{"connect-timeout", Duration, &Config::connectTimeout, Links, 10, 5 * kMinute, "", kReloadable, "",
           "", "Time for a connection to a node to be made and to finish its handshake."},
    Option{"reconnect-backoff-min", Duration, &Config::reconnectBackoffMin, Links, 1, 5 * kMinute, "",
           kReloadable, "", "", "Pause before a lost link is tried again; it doubles with each failure."},
    Option{"reconnect-backoff-max", Duration, &Config::reconnectBackoffMax, Links, 1, 5 * kMinute, "",
           kReloadable, "", "", "Longest pause between two tries of a lost link."},
    Option{"link-keepalive", Duration, &Config::linkKeepalive, Links, kSecond, 9 * kHour, "off", kReloadable,
           "", "", "Silence after which a node is probed whether it is still there."},
    Option{"link-client-name", Name, &Config::linkClientName, Links, 0, 128, "", kReloadable, "", "",
           "Name that links give themselves on the nodes, as CLIENT LIST shows it; empty means none."},
    Option{"reply-timeout", Duration, &Config::replyTimeout, Links, 1, 24 * kHour, "never", kReloadable, "",
           "",
           "Time for the answer to a request that was sent, counted from when those before it on its "
           "connection are answered; then it alone fails."},
    Option{"suspect-after", Duration, &Config::suspectAfter, Links, 100, kHour, "never", kReloadable, "", "",
           "Silence of a node after which it gets no further requests until it says something; what was sent "
           "to it stays sent, and what comes is held."},
    Option{"link-heartbeat", Duration, &Config::linkHeartbeat, Links, kSecond, kHour, "never", kReloadable,
           "", "", "Time after which an idle link that clients share is tried with a PING."},
    Option{"link-idle-timeout", Duration, &Config::linkIdleTimeout, Links, kSecond, 24 * kHour, "never",
           kReloadable, "", "",
           "Time after which a connection to a node that no request has used is closed; the next request "
           "makes it again, and waits for that."},
    Option{"links-warm-up", Boolean, &Config::linksWarmUp, Links, 0, 0, "", kPlain, "", "",
           "Whether each worker connects to all masters at the start, and to those that join while it is "
           "busy, or to each when the first request wants to go there."},
    Option{"node-connect-rate", Count, &Config::nodeConnectRate, Links, 1, 1'000'000, "no limit", kReloadable,
           "", "",
           "Connections a second that this process makes to one node, after as many at once; requests that "
           "need one of their own wait for their turn."},
    Option{"reauth-interval", Duration, &Config::reauthInterval, Links, kSecond, 24 * kHour,
           "when the credentials change", kReloadable, "", "",
           "How often connections to nodes log in again, for services that cut those that do not; each does "
           "so whenever the credentials change."},

    Option{"hold-timeout", Duration, &Config::holdTimeout, Holding, 1, kHour, "not at all", kReloadable, "",
           "", "Longest time that a request waits unsent while its slot has no reachable master."},
    Option{"hold-max-requests", Count, &Config::holdMaxRequests, Holding, 1, 10000000, "not at all",
           kReloadable, "", "",
           "Requests that one worker holds at the same time. Each client gets its share: one with more held "
           "is not read from."},
    Option{"hold-max-bytes", Bytes, &Config::holdMaxBytes, Holding, kKiB, kMostBytes, "not at all",
           kReloadable, "", "",
           "Bytes of requests that one worker holds at the same time, shared out alike."},

    Option{"topology-refresh-interval", Duration, &Config::topologyRefreshInterval, Topology, kSecond,
           24 * kHour, "", kReloadable, "", "",
           "Time between two questions for the cluster's map when nothing happens."},
    Option{"topology-min-interval", Duration, &Config::topologyMinInterval, Topology, 10, kMinute, "",
           kReloadable, "", "",
           "Shortest time between two questions for the cluster's map, whatever happens."},
    Option{"ready-when", Choice, &Config::readyWhen, Topology, 0, 0, "", kReloadable, "", "",
           "Whether /readyz asks that all slots have a reachable master, or any."},
    Option{"peers", Boolean, &Config::peers, Topology, 0, 0, "", kReloadable, "", "",
           "Whether proxies of the same cluster tell each other, once a second, of themselves and their "
           "subscribers: PUBLISH and PUBSUB count those of all, and PROXY PEERS lists them."},

    Option{"cluster-tls", Boolean, &Config::clusterTls, Tls, 0, 0, "", kPlain, "", "",
           "Whether connections to nodes are encrypted; rediss:// in cluster-nodes says yes."},
    Option{"cluster-tls-ca-cert-file", Path, &Config::clusterTlsCaCertFile, Tls, 0, 4096, "", kReloadable, "",
           "",
           "PEM file of the authorities that may have signed the nodes' certificates; empty means those that "
           "the system trusts."},
    Option{"cluster-tls-cert-file", Path, &Config::clusterTlsCertFile, Tls, 0, 4096, "", kReloadable, "", "",
           "PEM file of the certificate that is presented to nodes; empty means none."},
    Option{"cluster-tls-key-file", Path, &Config::clusterTlsKeyFile, Tls, 0, 4096, "", kReloadable, "", "",
           "PEM file of its key."},
    Option{"cluster-tls-protocols", Text, &Config::clusterTlsProtocols, Tls, 0, 64, "", kReloadable, "", "",
           "Versions of TLS for nodes: TLSv1.2, TLSv1.3 or both, separated by a space; empty means both."},
    Option{"cluster-tls-ciphers", Text, &Config::clusterTlsCiphers, Tls, 0, 4096, "", kReloadable, "", "",
           "Ciphers up to TLSv1.2 for nodes, in OpenSSL's form; empty means OpenSSL's choice."},
    Option{"cluster-tls-ciphersuites", Text, &Config::clusterTlsCiphersuites, Tls, 0, 4096, "", kReloadable,
           "", "", "Ciphers from TLSv1.3 on for nodes, in OpenSSL's form; empty means OpenSSL's choice."},
    Option{"cluster-tls-server-name", Word, &Config::clusterTlsServerName, Tls, 0, 253, "", kReloadable, "",
           "",
           "Name that is asked for (SNI) and has to be in each node's certificate; empty means the host by "
           "which the node is known. For services whose nodes announce addresses."},
    Option{"cluster-tls-verify", Choice, &Config::clusterTlsVerify, Tls, 0, 0, "", kReloadable, "", "",
           "What of a node's certificate is verified: who has signed it and for which name, only who has "
           "signed it, or nothing, which lets anybody in between read and change everything."},
    Option{"tls", Boolean, &Config::tls, Tls, 0, 0, "", kPlain, "", "",
           "Whether clients are served by TLS, Unix sockets aside. A listener may have its own, as in "
           "0.0.0.0:6380?tls=yes."},
    Option{"tls-cert-file", Path, &Config::tlsCertFile, Tls, 0, 4096, "", kReloadable, "", "tls-cert-file",
           "PEM file of the certificate for clients, with those between it and its authority behind it."},
    Option{"tls-key-file", Path, &Config::tlsKeyFile, Tls, 0, 4096, "", kReloadable, "", "tls-key-file",
           "PEM file of its key."},
    Option{"tls-ca-cert-file", Path, &Config::tlsCaCertFile, Tls, 0, 4096, "", kReloadable, "",
           "tls-ca-cert-file", "PEM file of the authorities that may have signed the clients' certificates."},
    Option{
        "tls-auth-clients", Choice, &Config::tlsAuthClients, Tls, 0, 0, "", kReloadable, "",
        "tls-auth-clients",
        "Whether clients must present a certificate, may, or are not asked for one. Passwords are a matter "
        "of their own."},
    Option{"tls-auth-clients-user", Choice, &Config::tlsAuthClientsUser, Tls, 0, 0, "", kReloadable, "",
           "tls-auth-clients-user",
           "Which name in a client's certificate is the name of its user, as whom it is logged in without a "
           "password: the subject's common name, the first URI of the alternative names, or none."},
    Option{"tls-protocols", Text, &Config::tlsProtocols, Tls, 0, 64, "", kReloadable, "", "tls-protocols",
           "Versions of TLS for clients: TLSv1.2, TLSv1.3 or both, separated by a space; empty means both."},
    Option{"tls-ciphers", Text, &Config::tlsCiphers, Tls, 0, 4096, "", kReloadable, "", "tls-ciphers",
           "Ciphers up to TLSv1.2 for clients, in OpenSSL's form; empty means OpenSSL's choice."},
    Option{"tls-ciphersuites", Text, &Config::tlsCiphersuites, Tls, 0, 4096, "", kReloadable, "",
           "tls-ciphersuites",
           "Ciphers from TLSv1.3 on for clients, in OpenSSL's form; empty means OpenSSL's choice."},

    Option{"workers", Workers, &Config::workers, Process, 1, 256, "", kPlain, "", "",
           "Threads that serve clients; auto means the number of CPUs, at least 2."},
    Option{"slowlog-log-slower-than", Count, &Config::slowlogLogSlowerThan, Process, 1, 3'600'000'000,
           "every command", kReloadable, "", "slowlog-log-slower-than",
           "Microseconds from a request's arrival to the end of its reply above which SLOWLOG keeps it."},
    Option{
        "core-dumps", Boolean, &Config::coreDumps, Process, 0, 0, "", kPlain, "", "",
        "Whether the system may write a core file of the process, and other processes of its user look into "
        "its memory and environment (debuggers, too). It has passwords and keys."},
    Option{"slowlog-max-len", Count, &Config::slowlogMaxLen, Process, 1, 1'000'000, "none", kReloadable, "",
           "slowlog-max-len", "Requests that SLOWLOG keeps at the same time."},
    Option{
        "latency-monitor-threshold", Duration, &Config::latencyMonitorThreshold, Process, 1, kHour, "off",
        kReloadable, "", "latency-monitor-threshold",
        "Time from which on LATENCY keeps a slow request, answer of a node or turn of a worker as an event."},
    Option{"hot-keys-sample", Count, &Config::hotKeysSample, Process, 1, 1'000'000, "none", kReloadable, "",
           "", "One of so many requests, on average, is looked at for PROXY HOTKEYS and the status page."},
    Option{
        "trace-endpoint", Name, &Config::traceEndpoint, Process, 0, 2048, "", kReloadable, "", "",
        "Where spans of sampled requests are sent by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; "
        "empty means nowhere. See operations.md."},
    Option{"trace-sample", Count, &Config::traceSample, Process, 1, 1'000'000, "none", kReloadable, "", "",
           "One of so many requests, on average, is traced where trace-endpoint is set, beside those whose "
           "clients ask for it by a traceparent."},
    Option{"trace-service-name", Name, &Config::traceServiceName, Process, 0, 255, "", kReloadable, "", "",
           "What the traces call this service (service.name)."},
    Option{"log-level", Choice, &Config::logLevel, Process, 0, 0, "", kReloadable, "", "",
           "Least important messages that are logged."},
    Option{"log-format", Choice, &Config::logFormat, Process, 0, 0, "", kReloadable, "", "",
           "Whether log lines are for people, or one JSON object each."},
    Option{"shutdown-timeout", Duration, &Config::shutdownTimeout, Process, 1, kHour, "at once", kReloadable,
           "", "", "Time that requests in flight get to finish after SIGTERM."},
    Option{"upgrade-timeout", Duration, &Config::upgradeTimeout, Process, kSecond, kHour, "", kReloadable, "",
           "",
           "Time that the process which SIGUSR2 starts gets to become ready; if it does not, it is ended and "
           "the old one goes on."},
    Option{"upgrade-drain-timeout", Duration, &Config::upgradeDrainTimeout, Process, kSecond, 24 * kHour, "",
           kReloadable, "", "",
           "Longest time that the old process stays after an "
           "upgrade, for clients that are in the middle of something."},
    Option{"pid-file", Path, &Config::pidFile, Process, 0, 4096, "", kPlain, "", "pidfile",
           "File that holds the number of the process that serves; "
           "after an upgrade, the new one's. Empty means none."},
};

static_assert(kSchema.size() + 1 == memberCount<Config>(),
              "each member of Config but side needs a row, and each row a member");

}  // namespace

std::span<const Option> schema() {
  return kSchema;
}

const Option* findOption(std::string_view name) {
  const auto* found =
      std::find_if(kSchema.begin(), kSchema.end(), [&](const Option& o) { return o.name == name; });
  return found == kSchema.end() ? nullptr : found;
}

std::string_view title(Group group) {
  constexpr std::string_view kTitles[] = {"The cluster",      "Listening", "Clients", "Links to the nodes",
                                          "Holding requests", "Topology",  "TLS",     "The process"};
  return kTitles[static_cast<std::size_t>(group)];
}

std::string environmentName(std::string_view option) {
  std::string name = "SLOTLESS_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace slotless::config
