// What is derived from the facts, and what the overrides change.
#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

#include "catch.h"
#include "protocol/command_derivation.h"
#include "protocol/command_facts.h"
#include "protocol/command_overrides.h"
#include "protocol/command_table.h"

namespace slotless::protocol {
namespace {

const CommandSpec& named(std::string_view name) {
  const CommandSpec* spec = CommandTable::builtIn()->find(name);
  if (spec == nullptr) FAIL("no such command: " << name);
  return *spec;
}

template <typename Visit>
void forAll(Visit visit) {
  for (const CommandSpec& command : CommandTable::builtIn()->commands()) {
    visit(command);
    for (const CommandSpec& subcommand : command.subcommands) visit(subcommand);
  }
}

struct Family {
  Handling handling;
  std::vector<std::string_view> names;
};

TEST_CASE("each family of commands is handled as it must be", "[command]") {
  const Family families[] = {
      {Handling::Keyed, {"get",          "set",        "getset",        "setex",        "incr",
                         "lpush",        "lrange",     "hset",          "hgetall",      "sadd",
                         "smembers",     "zadd",       "zrange",        "zunionstore",  "geoadd",
                         "georadius",    "bitop",      "pfadd",         "pfmerge",      "xadd",
                         "xread",        "xreadgroup", "xgroup|create", "xinfo|stream", "object|encoding",
                         "memory|usage", "expire",     "type",          "rename",       "copy",
                         "sort",         "sort_ro",    "dump",          "restore",      "eval",
                         "evalsha",      "fcall",      "eval_ro",       "spublish",     "msetnx",
                         "lmpop",        "sintercard"}},
      {Handling::Split, {"mget", "mset", "del", "unlink", "exists", "touch"}},
      {Handling::AnyNode,
       {"lolwut", "publish", "object|help", "xinfo|help", "function|list", "function|dump", "command|docs",
        "command|list", "command|getkeysandflags", "command|help", "acl|cat", "acl|dryrun", "acl|genpass",
        "acl|users", "module|list", "script|help", "client|help"}},
      {Handling::FanOut, {"dbsize",          "keys",
                          "flushall",        "flushdb",
                          "randomkey",       "scan",
                          "script|load",     "script|flush",
                          "script|exists",   "script|kill",
                          "function|load",   "function|delete",
                          "function|flush",  "function|restore",
                          "function|kill",   "memory|purge",
                          "function|stats",  "memory|stats",
                          "memory|doctor",   "info",
                          "config|get",      "lastsave",
                          "pubsub|channels", "pubsub|numsub",
                          "pubsub|numpat"}},
      {Handling::Local,
       {"ping",
        "echo",
        "quit",
        "auth",
        "select",
        "hello",
        "reset",
        "client|setname",
        "client|getname",
        "client|id",
        "client|setinfo",
        "client|kill",
        "client|list",
        "client|info",
        "client|pause",
        "client|unblock",
        "client|reply",
        "client|no-evict",
        "client|no-touch",
        "client|trackinginfo",
        "client|caching",
        "acl|whoami",
        "slowlog|get",
        "slowlog|len",
        "latency|latest",
        "latency|histogram",
        "command",
        "command|count",
        "command|info",
        "command|getkeys",
        "time",
        "role",
        "readonly",
        "readwrite",
        "asking",
        "cluster|slots",
        "cluster|nodes",
        "cluster|info",
        "cluster|keyslot",
        "cluster|setslot",
        "cluster|reset"}},
      {Handling::Session,
       {"multi",       "exec",       "discard",      "watch",          "unwatch",      "subscribe",
        "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe",     "sunsubscribe", "blpop",
        "brpop",       "blmove",     "brpoplpush",   "blmpop",         "bzpopmin",     "bzpopmax",
        "bzmpop",      "monitor",    "wait",         "client|tracking"}},
      {Handling::Admin,
       {"config|set", "debug", "acl|setuser", "acl|list", "save", "bgsave", "bgrewriteaof", "module|load",
        "pfdebug"}},
      {Handling::Never,
       {"migrate", "replicaof", "slaveof", "shutdown", "sync", "psync", "replconf", "failover", "swapdb",
        "restore-asking", "script|debug"}},
  };
  for (const auto& [handling, names] : families) {
    for (const std::string_view name : names) {
      INFO(name);
      CHECK(named(name).handling == handling);
    }
  }
}

TEST_CASE("nothing that changes or blocks a connection goes onto a shared link", "[command]") {
  // These are safe: publishing changes no connection, PUBSUB and COMMAND only ask, and XREAD is a session
  // where it blocks.
  const std::vector<std::string_view> safe = {"publish",
                                              "spublish",
                                              "client|help",
                                              "command|docs",
                                              "command|getkeysandflags",
                                              "command|help",
                                              "command|list",
                                              "xread",
                                              "xreadgroup",
                                              "pubsub|channels",
                                              "pubsub|numsub",
                                              "pubsub|numpat",
                                              "pubsub|shardchannels",
                                              "pubsub|shardnumsub"};
  const Handling shared[] = {Handling::Keyed, Handling::Split, Handling::AnyNode, Handling::FanOut,
                             Handling::Admin};
  forAll([&](const CommandSpec& spec) {
    const bool changes = spec.in(kCategoryConnection) || spec.in(kCategoryPubSub) ||
                         spec.in(kCategoryBlocking) || spec.in(kCategoryTransaction) || spec.has(kPubSub) ||
                         spec.has(kBlocking);
    const bool onShared = std::find(std::begin(shared), std::end(shared), spec.handling) != std::end(shared);
    if (!changes || !onShared) return;
    INFO(spec.name);
    CHECK(std::find(safe.begin(), safe.end(), spec.name) != safe.end());
  });
}

TEST_CASE("an unknown connection or blocking command of a newer server is kept off shared links",
          "[command]") {
  std::vector<CommandSpec> facts;
  facts.push_back(
      *parseFactLine("waitaof 4; blocking; 0 0 0; @blocking @connection; request_policy:all_shards"));
  facts.push_back(*parseFactLine("newconn 1; fast; 0 0 0; @connection; request_policy:all_shards"));
  facts.push_back(*parseFactLine("newpop 3; write blocking; 1 1 1; @blocking; ; RW: index 1: range 0 1 0"));
  facts.push_back(
      *parseFactLine("newall 1; ; 0 0 0; @slow; request_policy:all_shards response_policy:agg_max"));
  facts.push_back(*parseFactLine("newtip 1; ; 0 0 0; @slow; request_policy:somehow response_policy:anyhow"));
  facts.push_back(*parseFactLine("newany 1; ; 0 0 0; @slow;"));
  const CommandTable learned(std::move(facts));
  CHECK(learned.find("waitaof")->handling == Handling::Session);
  CHECK(learned.find("newconn")->handling == Handling::Never);
  CHECK(learned.find("newpop")->handling == Handling::Session);
  CHECK(learned.find("newall")->handling == Handling::FanOut);
  CHECK(learned.find("newall")->responsePolicy == ResponsePolicy::AggMax);
  CHECK(learned.find("newtip")->requestPolicy == RequestPolicy::Special);
  CHECK(learned.find("newtip")->responsePolicy == ResponsePolicy::Special);
  CHECK(learned.find("newany")->handling == Handling::AnyNode);
}

TEST_CASE("policies come from the tips", "[command]") {
  struct Row {
    std::string_view name;
    RequestPolicy request;
    ResponsePolicy response;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"del", RequestPolicy::MultiShard, ResponsePolicy::AggSum},
                                  {"mget", RequestPolicy::MultiShard, ResponsePolicy::None},
                                  {"mset", RequestPolicy::MultiShard, ResponsePolicy::AllSucceeded},
                                  {"dbsize", RequestPolicy::AllShards, ResponsePolicy::AggSum},
                                  {"keys", RequestPolicy::AllShards, ResponsePolicy::None},
                                  {"script|load", RequestPolicy::AllNodes, ResponsePolicy::AllSucceeded},
                                  {"script|exists", RequestPolicy::AllShards, ResponsePolicy::AggLogicalAnd},
                                  {"script|kill", RequestPolicy::AllShards, ResponsePolicy::OneSucceeded},
                                  {"lastsave", RequestPolicy::AllShards, ResponsePolicy::AggMin},
                                  {"randomkey", RequestPolicy::AllShards, ResponsePolicy::Special},
                                  {"scan", RequestPolicy::Special, ResponsePolicy::Special},
                                  {"get", RequestPolicy::None, ResponsePolicy::None}}) {
    INFO(row.name);
    CHECK(named(row.name).requestPolicy == row.request);
    CHECK(named(row.name).responsePolicy == row.response);
  }
}

TEST_CASE("only what cannot write is sent again after a lost connection", "[command]") {
  for (const std::string_view name :
       {"get", "mget", "exists", "zrange", "xread", "xrange", "object|encoding", "dbsize", "eval_ro",
        "evalsha_ro", "fcall_ro", "sort_ro", "georadius_ro", "bitfield_ro", "script|load", "config|get"}) {
    INFO(name);
    CHECK(named(name).retryAfterLoss);
  }
  for (const std::string_view name :
       {"set", "incr", "lpop", "eval", "evalsha", "fcall", "xreadgroup", "sort", "georadius", "bitfield",
        "getex", "publish", "spublish", "script|kill", "config|set", "function|load", "blpop"}) {
    INFO(name);
    CHECK_FALSE(named(name).retryAfterLoss);
  }
  forAll([](const CommandSpec& spec) {
    INFO(spec.name);
    // What need not be everywhere changes nothing that is not as good done twice, or is not sent twice.
    const AbsenceFact* fact = findAbsenceFact(spec.name);
    if (fact != nullptr && !fact->once) return;
    if (spec.has(kWrite) || !spec.has(kReadOnly)) CHECK_FALSE(spec.retryAfterLoss);
  });
}

TEST_CASE(
    "publishing, fan-out, administration, HELLO and CLIENT KILL wait for earlier replies, and nothing else "
    "does",
    "[command]") {
  forAll([](const CommandSpec& spec) {
    INFO(spec.name);
    const bool expected = spec.handling == Handling::FanOut || spec.handling == Handling::Admin ||
                          spec.name == "publish" || spec.name == "spublish" || spec.name == "hello" ||
                          spec.name == "client|kill";
    CHECK(spec.barrier == expected);
  });
}

TEST_CASE("PUBLISH goes to the node that its channel hashes to", "[command]") {
  CHECK(named("publish").hashedArgument == 1);
  CHECK(named("publish").singleKey == 0);
  CHECK(named("spublish").singleKey == 1);
  forAll([](const CommandSpec& spec) {
    INFO(spec.name);
    if (spec.name != "publish") CHECK(spec.hashedArgument == 0);
  });
}

TEST_CASE("the single key is known in advance where there can be only one", "[command]") {
  struct Row {
    std::string_view name;
    int position;
  };
  for (const Row& row : std::initializer_list<Row>{{"get", 1},
                                                   {"set", 1},
                                                   {"zadd", 1},
                                                   {"bitfield", 1},
                                                   {"object|encoding", 2},
                                                   {"memory|usage", 2},
                                                   {"xadd", 1},
                                                   {"mget", 0},
                                                   {"del", 0},
                                                   {"lmove", 0},
                                                   {"sort", 0},
                                                   {"eval", 0},
                                                   {"xread", 0},
                                                   {"lcs", 0},
                                                   {"ping", 0},
                                                   {"georadius", 0},
                                                   {"georadius_ro", 1},
                                                   {"zunion", 0}}) {
    INFO(row.name);
    CHECK(named(row.name).singleKey == row.position);
  }
}

TEST_CASE("every override names a known command, gives a reason and changes something", "[command]") {
  // Known to later servers only.
  const std::set<std::string_view> learned = {"client|capa",      "client|import-source",
                                              "commandlog|get",   "commandlog|len",
                                              "commandlog|reset", "ft.cursor",
                                              "json.mset",        "waitaof"};
  for (const CommandOverride& row : commandOverrides()) {
    INFO(row.name);
    CHECK_FALSE(row.reason.empty());
    if (learned.contains(row.name)) continue;
    const CommandSpec& known = named(row.name);
    CommandSpec plain = known;
    derive(plain, nullptr);
    const auto decided = [](const CommandSpec& s) {
      return std::tuple(s.handling, s.requestPolicy, s.responsePolicy, s.sessionKeyword, s.retryAfterLoss,
                        s.barrier, s.hashedArgument, s.keyProcedure);
    };
    CHECK(decided(plain) != decided(known));
  }
}

TEST_CASE("no command has two overrides", "[command]") {
  const auto rows = commandOverrides();
  for (const CommandOverride& row : rows) {
    INFO(row.name);
    CHECK(std::count_if(rows.begin(), rows.end(),
                        [&](const auto& other) { return other.name == row.name; }) == 1);
  }
}

}  // namespace
}  // namespace slotless::protocol
