#include "protocol/command_overrides.h"

#include <algorithm>

namespace slotless::protocol {
namespace {

using enum Handling;

constexpr std::string_view kStandalone = "the proxy presents itself as a standalone master";
constexpr std::string_view kOwnConnection = "about the client's own connection, which ends at the proxy";
constexpr std::string_view kClients = "clients end at the proxy: a node would speak of the proxy's links";
constexpr std::string_view kOwnTimes =
    "a client waits for the proxy and the node together: the proxy measures both";
constexpr std::string_view kTopology = "would change who replicates whom behind the cluster's back";
constexpr std::string_view kAllServers = "a change that a later failover must not undo";
constexpr std::string_view kSame = "the same on all masters";
constexpr std::string_view kNodeToNode = "spoken between nodes, not by clients";

constexpr CommandOverride kOverrides[] = {
    // Answered by the proxy.
    {.name = "acl|whoami", .handling = Local, .reason = kOwnConnection},
    {.name = "asking", .handling = Local, .reason = kStandalone},
    {.name = "auth", .handling = Local, .reason = kOwnConnection},
    {.name = "client|capa", .handling = Local, .reason = kOwnConnection},
    {.name = "client|getname", .handling = Local, .reason = kOwnConnection},
    {.name = "client|id", .handling = Local, .reason = kOwnConnection},
    {.name = "client|getredir", .handling = Local, .reason = kOwnConnection},
    {.name = "client|import-source", .handling = Local, .reason = kOwnConnection},
    {.name = "client|info", .handling = Local, .reason = kOwnConnection},
    {.name = "client|kill",
     .handling = Local,
     .reason = "clients end at the proxy; one that kills itself sends nothing more",
     .barrier = true},
    {.name = "client|list", .handling = Local, .reason = kClients},
    {.name = "client|no-evict", .handling = Local, .reason = kOwnConnection},
    {.name = "client|no-touch", .handling = Local, .reason = kOwnConnection},
    {.name = "client|pause", .handling = Local, .reason = kClients},
    {.name = "client|reply", .handling = Local, .reason = kOwnConnection},
    {.name = "client|setinfo", .handling = Local, .reason = kOwnConnection},
    {.name = "client|setname", .handling = Local, .reason = kOwnConnection},
    {.name = "client|trackinginfo", .handling = Local, .reason = kOwnConnection},
    {.name = "client|unblock", .handling = Local, .reason = kClients},
    {.name = "client|unpause", .handling = Local, .reason = kClients},
    {.name = "cluster", .handling = Local, .reason = kStandalone},
    {.name = "command", .handling = Local, .reason = "what the proxy knows is what it can do"},
    {.name = "commandlog|get", .handling = Local, .reason = kOwnTimes},
    {.name = "commandlog|len", .handling = Local, .reason = kOwnTimes},
    {.name = "commandlog|reset", .handling = Local, .reason = kOwnTimes},
    {.name = "echo", .handling = Local, .reason = kOwnConnection},
    {.name = "hello",
     .handling = Local,
     .reason = "changes the protocol, and with it the links",
     .barrier = true},
    {.name = "latency|doctor", .handling = Local, .reason = kOwnTimes},
    {.name = "latency|graph", .handling = Local, .reason = kOwnTimes},
    {.name = "latency|histogram", .handling = Local, .reason = kOwnTimes},
    {.name = "latency|history", .handling = Local, .reason = kOwnTimes},
    {.name = "latency|latest", .handling = Local, .reason = kOwnTimes},
    {.name = "latency|reset", .handling = Local, .reason = kOwnTimes},
    {.name = "ping", .handling = Local, .reason = kOwnConnection},
    {.name = "quit", .handling = Local, .reason = kOwnConnection},
    {.name = "readonly", .handling = Local, .reason = kStandalone},
    {.name = "readwrite", .handling = Local, .reason = kStandalone},
    {.name = "reset", .handling = Local, .reason = kOwnConnection},
    {.name = "role", .handling = Local, .reason = kStandalone},
    {.name = "select", .handling = Local, .reason = kOwnConnection},
    {.name = "slowlog|get", .handling = Local, .reason = kOwnTimes},
    {.name = "slowlog|len", .handling = Local, .reason = kOwnTimes},
    {.name = "slowlog|reset", .handling = Local, .reason = kOwnTimes},
    {.name = "time", .handling = Local, .reason = "one clock for the whole database"},

    // CLIENT: what needs a session.
    {.name = "client|caching", .handling = Local, .reason = "goes with the next command, where that goes"},
    {.name = "client|help", .handling = AnyNode, .reason = "a constant text"},
    {.name = "client|tracking",
     .handling = Session,
     .reason = "each master remembers keys for a connection of the client's own"},

    // Sessions that the facts do not show.
    {.name = "monitor", .handling = Session, .reason = "turns the connection into a stream of replies"},
    {.name = "wait",
     .handling = Session,
     .reason = "waits for what this client wrote, on each link it wrote to"},
    {.name = "waitaof",
     .handling = Session,
     .reason = "waits for what this client wrote, on each link it wrote to"},

    // Keys that the facts do not show, or that need care.
    {.name = "debug",
     .handling = Admin,
     .reason = "concerns servers; some subcommands a key",
     .keyProcedure = KeyProcedure::Debug},
    {.name = "georadius",
     .handling = Keyed,
     .reason = "which STORE counts is a matter of the server's version",
     .keyProcedure = KeyProcedure::GeoRadius},
    {.name = "georadiusbymember",
     .handling = Keyed,
     .reason = "which STORE counts is a matter of the server's version",
     .keyProcedure = KeyProcedure::GeoRadius},
    {.name = "msetnx", .handling = Keyed, .reason = "all or nothing: a split could set a part"},
    {.name = "sort",
     .handling = Keyed,
     .reason = "STORE may stand anywhere",
     .keyProcedure = KeyProcedure::Sort},
    {.name = "sort_ro",
     .handling = Keyed,
     .reason = "its incomplete specifications are about BY and GET, whose keys nobody routes by",
     .keyProcedure = KeyProcedure::BySpecs},
    {.name = "xread",
     .handling = Keyed,
     .reason = "blocks only if asked to, and consumes nothing",
     .sessionKeyword = "BLOCK",
     .retryAfterLoss = true,
     .keyProcedure = KeyProcedure::Streams},
    {.name = "xreadgroup",
     .handling = Keyed,
     .reason = "blocks only if asked to",
     .sessionKeyword = "BLOCK",
     .keyProcedure = KeyProcedure::Streams},

    // Modules' commands; see also module_keys.cpp.
    {.name = "ft.cursor",
     .handling = Keyed,
     .reason = "what a cursor has told it does not tell again",
     .retryAfterLoss = false},
    {.name = "json.mset",
     .handling = Split,
     .reason = "each third argument is a key",
     .responsePolicy = ResponsePolicy::AllSucceeded},

    // Publishing changes nothing on the connection. Subscribers must not see a message before the client's
    // earlier
    // writes are visible.
    {.name = "publish",
     .handling = AnyNode,
     .reason = "a cluster carries messages to all nodes; one node per channel keeps their order",
     .barrier = true,
     .hashedArgument = 1},
    {.name = "spublish",
     .handling = Keyed,
     .reason = "the channel's slot has its subscribers",
     .barrier = true},
    {.name = "pubsub|channels",
     .handling = FanOut,
     .reason = "each node knows its own subscribers",
     .requestPolicy = RequestPolicy::AllShards,
     .responsePolicy = ResponsePolicy::Special},
    {.name = "pubsub|numpat",
     .handling = FanOut,
     .reason = "each node knows its own subscribers",
     .requestPolicy = RequestPolicy::AllShards,
     .responsePolicy = ResponsePolicy::AggSum},
    {.name = "pubsub|numsub",
     .handling = FanOut,
     .reason = "each node knows its own subscribers",
     .requestPolicy = RequestPolicy::AllShards,
     .responsePolicy = ResponsePolicy::Special},
    {.name = "pubsub|shardchannels",
     .handling = FanOut,
     .reason = "each node knows its own subscribers",
     .requestPolicy = RequestPolicy::AllShards,
     .responsePolicy = ResponsePolicy::Special},
    {.name = "pubsub|shardnumsub",
     .handling = FanOut,
     .reason = "each node knows its own subscribers",
     .requestPolicy = RequestPolicy::AllShards,
     .responsePolicy = ResponsePolicy::Special},

    // All masters are asked, but the tips do not say how to merge.
    {.name = "lastsave",
     .handling = FanOut,
     .reason = "everything is saved up to the earliest of them",
     .requestPolicy = RequestPolicy::AllShards,
     .responsePolicy = ResponsePolicy::AggMin},
    {.name = "randomkey",
     .handling = FanOut,
     .reason = "a node without keys must not decide",
     .responsePolicy = ResponsePolicy::Special},
    {.name = "scan",
     .handling = FanOut,
     .reason = "the cursor has to name the node too",
     .responsePolicy = ResponsePolicy::Special},

    // Functions are the same on all masters: no need to ask them all.
    {.name = "command|docs", .handling = AnyNode, .reason = "the texts are the same on all masters"},
    {.name = "command|getkeysandflags", .handling = AnyNode, .reason = "a function of its arguments"},
    {.name = "command|help", .handling = AnyNode, .reason = "a constant text"},
    {.name = "command|list", .handling = AnyNode, .reason = "the commands are the same on all masters"},

    // Flagged as administration, but they only tell, and nothing that needs guarding (ACL LIST and GETUSER
    // show password hashes, ACL LOG what others have tried).
    {.name = "acl|dryrun", .handling = AnyNode, .reason = "carries nothing out"},
    {.name = "acl|users", .handling = AnyNode, .reason = kSame},
    {.name = "module|list", .handling = AnyNode, .reason = kSame},

    // Administration: what changes the servers goes to all of them, and what they say is the same everywhere.
    {.name = "acl|deluser",
     .handling = Admin,
     .reason = kAllServers,
     .requestPolicy = RequestPolicy::AllNodes},
    {.name = "acl|getuser",
     .handling = Admin,
     .reason = kSame,
     .responsePolicy = ResponsePolicy::AllSucceeded},
    {.name = "acl|list", .handling = Admin, .reason = kSame, .responsePolicy = ResponsePolicy::AllSucceeded},
    {.name = "acl|load", .handling = Admin, .reason = kAllServers, .requestPolicy = RequestPolicy::AllNodes},
    {.name = "acl|save", .handling = Admin, .reason = kAllServers, .requestPolicy = RequestPolicy::AllNodes},
    {.name = "acl|setuser",
     .handling = Admin,
     .reason = kAllServers,
     .requestPolicy = RequestPolicy::AllNodes},
    {.name = "config|get",
     .handling = FanOut,
     .reason = "changes nothing, and clients ask for it; shows settings as of one server"},
    {.name = "config|resetstat",
     .handling = FanOut,
     .reason = "the proxy's own numbers, and those of the servers for administrators",
     .requestPolicy = RequestPolicy::AllNodes},
    {.name = "config|rewrite",
     .handling = Admin,
     .reason = kAllServers,
     .requestPolicy = RequestPolicy::AllNodes},

    // Never.
    {.name = "failover", .handling = Never, .reason = kTopology},
    {.name = "migrate",
     .handling = Never,
     .reason = "would move keys away from where their slot says they are",
     .keyProcedure = KeyProcedure::Migrate},
    {.name = "psync", .handling = Never, .reason = kNodeToNode},
    {.name = "replconf", .handling = Never, .reason = kNodeToNode},
    {.name = "replicaof", .handling = Never, .reason = kTopology},
    {.name = "restore-asking", .handling = Never, .reason = kNodeToNode},
    {.name = "script|debug", .handling = Never, .reason = "turns the link into a debugger's"},
    {.name = "shutdown", .handling = Never, .reason = "would stop one of many servers"},
    {.name = "slaveof", .handling = Never, .reason = kTopology},
    {.name = "swapdb",
     .handling = Never,
     .reason = "other proxies of the same cluster would go on with the databases as they were"},
    {.name = "sync", .handling = Never, .reason = kNodeToNode},
};

// Redis 7.2 brought these, and client libraries send CLIENT SETINFO to any server.
constexpr std::string_view kAdditions[] = {
    "client|no-touch 3; noscript loading stale; 0 0 0; @slow @connection;",
    "client|setinfo 4; noscript loading stale; 0 0 0; @slow @connection; "
    "request_policy:all_nodes response_policy:all_succeeded",
};

const CommandOverride* findExactly(std::string_view name) noexcept {
  const auto found = std::find_if(std::begin(kOverrides), std::end(kOverrides),
                                  [&](const CommandOverride& o) { return o.name == name; });
  return found == std::end(kOverrides) ? nullptr : found;
}

}  // namespace

std::span<const CommandOverride> commandOverrides() noexcept {
  return kOverrides;
}

const CommandOverride* findOverride(std::string_view name) noexcept {
  if (const CommandOverride* own = findExactly(name)) return own;
  return findExactly(name.substr(0, name.find('|')));
}

std::span<const std::string_view> addedFactLines() noexcept {
  return kAdditions;
}

}  // namespace slotless::protocol
