// The console PROXY, SLOWLOG and LATENCY.
#include <map>

#include "proxy/emulation/command_fates.h"
#include "proxy/pubsub/peer_report.h"
#include "proxy/telemetry/hot_keys.h"
#include "stage.h"

namespace slotless::test {

namespace {}  // namespace

struct Operated : Stage {
  Operated() { config.allowAdminCommands = true; }
};

TEST_CASE_METHOD(Operated,
                 "PROXY PAUSE replies when all that was in flight is answered, and holds what is new") {
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  other.sends("PROXY PAUSE");
  clock.advance(1s);
  other.receivesNothing();
  client.sends({"GET d", "PING"});
  node(1).expectsNothing();
  a.replies(bulk("1"));
  client.receives(bulk("1"));
  clock.advance(20ms);
  other.receives(kOk);
  clock.advance(1h);
  node(1).expectsNothing();
  other.sends({"PROXY VERSION", "PROXY RESUME"});
  CHECK(contains(other.takes(), "slotless "));
  node(1).expects("GET d").replies(bulk("2"));
  client.receives(bulk("2") + "+PONG\r\n");
}

TEST_CASE_METHOD(Operated, "PROXY PAUSE says so when requests are still in flight after its time") {
  client.sends({"GET a", "GET b"});
  const Received a = node(1).expects("GET a");
  const Received b = node(2).expects("GET b");
  other.sends("PROXY PAUSE 100");
  clock.advance(200ms);
  other.receives("-ERR paused, but 2 requests are still in flight; new ones wait for PROXY RESUME\r\n");
  a.replies(bulk("1"));
  b.replies(bulk("2"));
  client.receives(bulk("1") + bulk("2"));
  client.sends("PING");
  client.receivesNothing();
  other.sends("PROXY RESUME");
  other.receives(kOk);
  client.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Stage, "PROXY PAUSE and RESUME are for administrators") {
  const auto refused = [](const std::string& name) {
    return "-ERR 'proxy|" + name +
           "' concerns all clients: Slotless refuses it unless allow-admin-commands is set\r\n";
  };
  client.sends({"PROXY PAUSE", "PROXY PAUSE 0 1000", "PROXY RESUME", "PING"});
  client.receives(refused("pause") + refused("pause") + refused("resume") + "+PONG\r\n");
  CHECK(metrics().paused.value() == 0);
}

TEST_CASE_METHOD(Operated, "PROXY PAUSE ends with the connection that has asked for it") {
  other.sends("PROXY PAUSE");
  other.receives(kOk);
  CHECK(metrics().paused.value() == 1);
  client.sends("PING");
  clock.advance(1h);
  client.receivesNothing();
  other.leaves();
  client.receives("+PONG\r\n");
  CHECK(metrics().paused.value() == 0);
}

TEST_CASE_METHOD(Operated, "PROXY PAUSE ends with its connection even if that leaves at once") {
  other.connection().push(request("PROXY PAUSE"));
  other.connection().end();
  settle();
  other.receives(kOk);
  client.sends("PING");
  client.receives("+PONG\r\n");
  CHECK(metrics().paused.value() == 0);
}

TEST_CASE_METHOD(Operated, "PROXY PAUSE with a duration ends at its time, with or without its connection") {
  other.sends("PROXY PAUSE 10 60000");
  other.receives(kOk);
  other.leaves();
  client.sends("PING");
  clock.advance(59s);
  client.receivesNothing();
  CHECK(metrics().paused.value() == 1);
  clock.advance(2s);
  client.receives("+PONG\r\n");
  CHECK(metrics().paused.value() == 0);
}

TEST_CASE_METHOD(Operated, "of several PROXY PAUSE all have to end, and PROXY RESUME ends all") {
  FakeClient& third = addClient();
  other.sends("PROXY PAUSE 10 60000");
  third.sends("PROXY PAUSE");
  other.receives(kOk);
  third.receives(kOk);
  client.sends("PING");
  third.leaves();
  client.receivesNothing();
  other.sends("PROXY PAUSE");  // now for as long as it is connected
  other.receives(kOk);
  clock.advance(2min);
  client.receivesNothing();
  other.sends({"PROXY PAUSE 10 5000", "PROXY RESUME"});
  clock.advance(50ms);
  other.receives("+OK\r\n+OK\r\n");
  client.receives("+PONG\r\n");
  CHECK(metrics().paused.value() == 0);
}

TEST_CASE_METHOD(Operated, "PROXY PAUSE says what is wrong with its arguments") {
  const std::string wrong = "-ERR timeout is not an integer or out of range\r\n";
  client.sends(
      {"PROXY PAUSE x", "PROXY PAUSE -1", "PROXY PAUSE 0 0", "PROXY PAUSE 0 x", "PROXY PAUSE 1 2 3"});
  client.receives(wrong + wrong + wrong + wrong +
                  "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try PROXY HELP.\r\n");
  CHECK(metrics().paused.value() == 0);
}

TEST_CASE_METHOD(Operated, "while the proxy is paused a client can still come and log in") {
  config.password = "secret";
  client.sends({"AUTH secret", "PROXY PAUSE"});
  client.receives("+OK\r\n+OK\r\n");
  other.sends({"PROXY STATS", "AUTH secret", "PROXY RESUME"});
  other.receives("-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "the console is not among the commands, nor in transactions") {
  client.sends({"COMMAND INFO proxy", "MULTI", "PROXY STATS", "DISCARD", "PROXY", "PROXY NONSENSE"});
  client.receives(
      "*1\r\n$-1\r\n+OK\r\n-ERR Command not allowed inside a transaction\r\n+OK\r\n"
      "-ERR wrong number of arguments for 'proxy' command\r\n"
      "-ERR unknown subcommand 'NONSENSE'. Try PROXY HELP.\r\n");
}

TEST_CASE_METHOD(Stage, "PROXY EXPLAIN tells slots and nodes, and sends nothing") {
  client.sends("PROXY EXPLAIN GET a");
  CHECK(contains(client.takes(), "plan:one slot, as it is\nslot:15495\nnode:10.0.0.1:7001\n"));
  client.sends("PROXY EXPLAIN MGET a b");
  const std::string split = client.takes();
  CHECK(contains(split, "part:slot=15495 node=10.0.0.1:7001 keys=1\n"));
  CHECK(contains(split, "part:slot=3300 node=10.0.0.1:7002 keys=1\n"));
  client.sends("PROXY EXPLAIN EVAL x 2 a b");
  CHECK(contains(client.takes(), "plan:refused\nerror:CROSSSLOT "));
  client.sends("PROXY EXPLAIN LMOVE a b LEFT LEFT");
  CHECK(contains(client.takes(), "plan:requests of the proxy's own\npart:slot=15495 node=10.0.0.1:7001"));
  client.sends("PROXY EXPLAIN SUNIONSTORE a b");
  CHECK(contains(client.takes(), "plan:requests of the proxy's own\npart:slot=3300 node=10.0.0.1:7002"));
  client.sends("PROXY EXPLAIN GET");
  CHECK(contains(client.takes(), "error:ERR wrong number of arguments for 'get' command\n"));
  client.sends("PROXY EXPLAIN GET ~{scan:1}");
  CHECK(contains(client.takes(), "error:ERR Keys of this name are reserved"));
  client.sends("PROXY EXPLAIN CONFIG SET slowlog-max-len 0");
  CHECK(contains(client.takes(), "unless allow-admin-commands is set"));
  client.sends("PROXY EXPLAIN BLPOP a 0");
  CHECK(contains(client.takes(), "link:leased for as long as it waits\n"));
  client.sends("PROXY EXPLAIN WATCH a");
  CHECK(contains(client.takes(), "plan:carried out in the client's session\n"));
}

TEST_CASE_METHOD(Stage, "PROXY EXPLAIN and the table of all commands say the same of keys in several slots") {
  using session::CrossSlotKind;
  const std::map<std::string_view, std::string_view> samples = {
      {"bitop", "BITOP AND a b"},
      {"georadius", "GEORADIUS a 0 0 1 m STORE b"},
      {"georadiusbymember", "GEORADIUSBYMEMBER a m 1 m STORE b"},
      {"geosearchstore", "GEOSEARCHSTORE a b FROMLONLAT 0 0 BYRADIUS 1 m"},
      {"lcs", "LCS a b"},
      {"lmove", "LMOVE a b LEFT LEFT"},
      {"lmpop", "LMPOP 2 a b LEFT"},
      {"msetnx", "MSETNX a 1 b 2"},
      {"pfcount", "PFCOUNT a b"},
      {"pfmerge", "PFMERGE a b"},
      {"rpoplpush", "RPOPLPUSH a b"},
      {"sdiff", "SDIFF a b"},
      {"sdiffstore", "SDIFFSTORE a b"},
      {"sinter", "SINTER a b"},
      {"sintercard", "SINTERCARD 2 a b"},
      {"sinterstore", "SINTERSTORE a b"},
      {"smove", "SMOVE a b m"},
      {"sunion", "SUNION a b"},
      {"sunionstore", "SUNIONSTORE a b"},
      {"xread", "XREAD STREAMS a b 0 0"},
      {"xreadgroup", "XREADGROUP GROUP g c STREAMS a b > >"},
      {"zdiff", "ZDIFF 2 a b"},
      {"zdiffstore", "ZDIFFSTORE a 1 b"},
      {"zinter", "ZINTER 2 a b"},
      {"zintercard", "ZINTERCARD 2 a b"},
      {"zinterstore", "ZINTERSTORE a 1 b"},
      {"zmpop", "ZMPOP 2 a b MIN"},
      {"zrangestore", "ZRANGESTORE a b 0 1"},
      {"zunion", "ZUNION 2 a b"},
      {"zunionstore", "ZUNIONSTORE a 1 b"},
  };
  std::size_t explained = 0;
  const auto table = protocol::CommandTable::builtIn();
  for (const protocol::CommandSpec& spec : table->commands()) {
    const auto kind = session::kindOverSlots(spec);
    INFO(spec.name);
    switch (kind.value_or(CrossSlotKind::Refused)) {
      case CrossSlotKind::Computed:
      case CrossSlotKind::Stored:
      case CrossSlotKind::Moved:
      case CrossSlotKind::First:
      case CrossSlotKind::AllOrNone:
      case CrossSlotKind::Streams: break;
      default: CHECK_FALSE(samples.contains(spec.name)); continue;
    }
    REQUIRE(samples.contains(spec.name));
    client.sends("PROXY EXPLAIN " + std::string(samples.at(spec.name)));
    CHECK(contains(client.takes(), "over-slots:" + std::string(session::nameOf(*kind)) + "\n"));
    ++explained;
  }
  CHECK(explained == samples.size());
}

TEST_CASE_METHOD(Stage, "PROXY CONFIG shows what matches, and no secrets") {
  config.password = "secret";
  client.sends({"AUTH secret", "PROXY CONFIG GET password", "PROXY CONFIG GET password-f*"});
  client.receives("+OK\r\n*2\r\n" + bulk("password") + bulk("********") + "*2\r\n" + bulk("password-file") +
                  bulk(""));
  client.sends("PROXY CONFIG");
  CHECK_FALSE(contains(client.takes(), "secret"));
  client.sends("PROXY CONFIG PUT a b");
  CHECK(client.takes().starts_with("-ERR syntax error"));
}

TEST_CASE_METHOD(Stage, "PROXY shows clients, links, nodes and slots") {
  client.sends("BLPOP a 0");
  node(1).expects("BLPOP a 0");
  other.sends("PROXY CLIENTS");
  const std::string clients = other.takes();
  CHECK(contains(clients, "id=1 worker=0 addr=127.0.0.1:40001 "));
  CHECK(contains(clients, " flags=b pending=1 held=0 "));
  other.sends("PROXY LINKS");
  const std::string links = other.takes();
  CHECK(contains(links,
                 "worker=0 node=10.0.0.1:7002 use=shared resp=2 state=ready in-flight=0 bytes-open=0\n"));
  CHECK(contains(
      links, "worker=0 node=10.0.0.1:7001 use=blocking-lease resp=2 state=ready in-flight=1 bytes-open="));
  other.sends("PROXY NODES");
  CHECK(contains(other.takes(),
                 "node=10.0.0.1:7002 id=node2 role=master epoch=1 slots=5461 links=1 links-ready=1 "));
  other.sends("PROXY SLOTS");
  CHECK(contains(other.takes(), "slots=0-5460 node=10.0.0.1:7002\nslots=5461-10922 node=10.0.0.1:7003\n"));
  other.sends("PROXY STATS");
  CHECK(contains(other.takes(), "\nblocked_clients:1\n"));
  other.sends("PROXY MEMORY");
  CHECK(contains(other.takes(), "\nslowlog_entries:0\n"));
}

TEST_CASE_METHOD(Stage, "PROXY NODES tells which replica has received nothing yet, and only of such") {
  constexpr std::string_view kFour = "node=10.0.0.1:7004 id=node4 role=replica ";
  const auto nodes = [this] {
    other.sends("PROXY NODES");
    return other.takes();
  };
  SECTION("one that CLUSTER SLOTS leaves out") {
    addJoiningReplica(4, 1);
    CHECK(contains(nodes(), std::string(kFour) + "received=nothing epoch=1 slots=0 "));
  }
  SECTION("one that it lists") {
    addReplica(4, 1);
    CHECK(contains(nodes(), std::string(kFour) + "epoch=1 slots=0 "));
  }
  SECTION("one whose master is not known") {
    addReplica(4, 1);
    promote(2, 1);
    CHECK(contains(nodes(), std::string(kFour) + "epoch=1 slots=0 "));
  }
}

TEST_CASE_METHOD(Stage, "PROXY DATABASES shows what each database has, over all workers") {
  using config::DatabaseLayout;
  workers = 2;
  config.databases = 4;
  config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                           {2, 2, DatabaseLayout::Denied, ""},
                           {3, 3, DatabaseLayout::Spread, ""}};
  FakeClient& there = addClient(1);
  for (FakeClient* each : {&client, &there}) {
    each->sends("SELECT 1");
    each->receives("+OK\r\n");
  }
  client.sends("GET x");
  node(1).expects("GET ~1{a}x");
  other.sends("PROXY DATABASES");
  const std::string text = other.takes();
  CHECK(contains(text, "db=0 layout=spread requests=3 clients=1 pending=1 held=0 memory="));
  CHECK(contains(text, "\ndb=1 layout=pinned:a slot=15495 requests=1 clients=2 pending=1 held=0 memory="));
  CHECK_FALSE(contains(text, "db=2"));
  CHECK(contains(text,
                 "\ndb=3 layout=spread requests=0 clients=0 pending=0 held=0 memory=0 commands=0 "
                 "received=0 sent=0\n"));
  client.resets();
}

TEST_CASE_METHOD(Stage, "PROXY USERS shows what each user's clients have, over all workers") {
  workers = 2;
  config.users = {"user alice on >secret ~* &* +@all", "user bob on >secret ~* &* +@all",
                  "user eve on >secret"};
  FakeClient& there = addClient(1);
  for (FakeClient* each : {&client, &there}) {
    each->sends("AUTH alice secret");
    each->receives("+OK\r\n");
  }
  client.sends("GET a");
  node(1).expects("GET a");
  other.sends("AUTH bob secret");
  other.receives("+OK\r\n");
  other.sends("PROXY USERS");
  const std::string text = other.takes();
  CHECK(contains(text, "user=alice clients=2 pending=1 held=0 memory="));
  CHECK(contains(text, "\nuser=bob clients=1 pending=1 held=0 memory="));
  CHECK_FALSE(contains(text, "eve"));
  client.resets();
}

struct Figures : Stage {
  Figures() {
    config.users = {"user default off", "user root on >secret ~* &* +@all",
                    "user alice on >secret ~* &* +@all", "user bob on >secret ~* &* +@all"};
  }
  void enters(FakeClient& who, const std::string& name) {
    who.sends("AUTH " + name + " secret");
    who.receives(kOk);
  }
  // The figures of that user, as PROXY USERS has them a second later.
  std::string figuresOf(const std::string& name) {
    clock.advance(1s);
    FakeClient& root = addClient();
    enters(root, "root");
    root.sends("PROXY USERS");
    const std::string text = root.takes();
    root.leaves();
    const std::size_t line = text.find("user=" + name + " ");
    if (line == std::string::npos) return "none";
    const std::size_t begin = text.find(" total-", line) + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
};

TEST_CASE_METHOD(Figures, "what a user's clients have had counts on when they leave") {
  enters(client, "alice");
  client.sends("PING");
  client.receives("+PONG\r\n");
  CHECK(figuresOf("alice") == "total-requests=2 total-errors=0 total-received=51 total-sent=12");
  client.leaves();
  CHECK(figuresOf("alice") == "total-requests=2 total-errors=0 total-received=51 total-sent=12");
  enters(other, "alice");
  CHECK(figuresOf("alice") == "total-requests=3 total-errors=0 total-received=88 total-sent=17");
  CHECK(figuresOf("bob") == "none");
}

TEST_CASE_METHOD(Figures, "errors count for who gets them, whoever says them") {
  enters(client, "alice");
  client.sends({"NONSENSE", "INCR a"});
  node(1).expects("INCR a").replies("-ERR value is not an integer or out of range\r\n");
  CHECK(contains(client.takes(), "not an integer"));
  CHECK(contains(figuresOf("alice"), "total-errors=2 "));
  CHECK(contains(figuresOf("alice"), "total-errors=2 "));
  client.leaves();
  CHECK(contains(figuresOf("alice"), "total-errors=2 "));
}

TEST_CASE_METHOD(Figures, "a connection that becomes another user's leaves to the first what it has had") {
  client.sends("PING");  // nobody's yet
  CHECK(contains(client.takes(), "NOAUTH"));
  CHECK(figuresOf("alice") == "none");
  enters(client, "alice");
  client.sends({"PING", "PING"});
  client.receives("+PONG\r\n+PONG\r\n");
  enters(client, "bob");
  client.sends("PING");
  client.receives("+PONG\r\n");
  const std::string alice = figuresOf("alice");
  const std::string bob = figuresOf("bob");
  CHECK(contains(alice, "total-errors=1 "));
  CHECK(contains(bob, "total-requests=2 total-errors=0 total-received=14 "));
  client.leaves();
  CHECK(figuresOf("alice") == alice);
  CHECK(figuresOf("bob") == bob);
}

TEST_CASE_METHOD(Stage, "where there are no users all clients are the default user's") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  clock.advance(1s);
  other.sends("PROXY USERS");
  CHECK(contains(other.takes(), "total-requests=1 total-errors=0 total-received=14 total-sent=7\n"));
}

// Each request is looked at.
struct Hot : Stage {
  Hot() {
    using config::DatabaseLayout;
    config.hotKeysSample = 1;
    config.databases = 4;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"}};
    config.users = {"user default on >secret ~* &* +@all", "user root on nopass ~* &* +@all",
                    "user zero on nopass ~* &* +@all databases=0"};
    telemetry::HotKeys::skip(0);
    telemetry::HotKeys::lookSoon();
    client.sends("AUTH root x");
    client.receives(kOk);
  }
  std::string hot(const std::string& arguments = {}, FakeClient* who = nullptr) {
    FakeClient& asker = who == nullptr ? client : *who;
    asker.sends("PROXY HOTKEYS" + arguments);
    return asker.takes();
  }
};

TEST_CASE_METHOD(Hot, "PROXY HOTKEYS shows the keys used most, with who has them") {
  client.sends({"SET a 1", "GET a", "GET b"});
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("GET a").replies(bulk("1"));
  node(2).expects("GET b").replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1") + bulk("1"));
  const std::string text = hot();
  const std::string a =
      "db=0 slot=15495 node=10.0.0.1:7001 per-second=2 writes=1 request-bytes=47 too-much-by=0 percent=67 "
      "length=1 key=\"a\"\n";
  const std::string b =
      "db=0 slot=3300 node=10.0.0.1:7002 per-second=1 writes=0 request-bytes=20 too-much-by=0 percent=33 "
      "length=1 key=\"b\"\n";
  CHECK(contains(text, a + b));
  CHECK(contains(hot(" 1"), a));
  CHECK_FALSE(contains(hot(" 1"), b));
  CHECK_FALSE(contains(hot(" 0"), a));
  CHECK(hot(" RESET") == kOk);
  CHECK_FALSE(contains(hot(), "db="));
  CHECK(hot(" -1") == "-ERR value is out of range, must be positive\r\n");
  CHECK(hot(" x") == "-ERR value is out of range, must be positive\r\n");
  CHECK(hot(" 1 2") ==
        "-ERR unknown subcommand or wrong number of arguments for 'HOTKEYS'. Try PROXY HELP.\r\n");
}

TEST_CASE_METHOD(Hot, "PROXY HOTKEYS names keys as their database does, to those who may use it") {
  client.sends({"SELECT 1", "SET a 1"});
  node(1).expectsAny().replies(kOk);
  client.receives(std::string(kOk) + std::string(kOk));
  CHECK(contains(hot(), "db=1 slot="));
  CHECK(contains(hot(), "length=1 key=\"a\"\n"));
  other.sends("AUTH zero x");
  other.receives(kOk);
  CHECK_FALSE(contains(hot({}, &other), "db="));
}

TEST_CASE_METHOD(Hot, "PROXY HOTKEYS: one key of several stands for all, and odd names stay in their line") {
  client.sendsBytes("*3\r\n" + bulk("MGET") + bulk("{a} \n") + bulk("{a}2"));
  node(1).expectsAny().replies("*2\r\n$-1\r\n$-1\r\n");
  client.takes();
  const std::string text = hot();
  CHECK(contains(text, " per-second=2 "));
  CHECK((contains(text, "key=\"{a} \\n\"\n") || contains(text, "key=\"{a}2\"\n")));
  CHECK(contains(text, "percent=100"));
}

TEST_CASE_METHOD(
    Hot, "PROXY HOTKEYS: what has to wait is counted when it goes on, and what is queued when it is") {
  client.sends({"GET a", "WATCH a"});
  const Received get = node(1).expects("GET a");
  get.replies(bulk("1"));
  node(1).expects("WATCH a").replies(kOk);
  client.sends({"MULTI", "GET a", "EXEC"});
  settle();
  CHECK(contains(hot({}, &other), "NOAUTH"));
  other.sends("AUTH root x");
  other.receives(kOk);
  CHECK(contains(hot({}, &other), " per-second=3 "));
  client.receives(bulk("1") + std::string(kOk) + std::string(kOk) + "+QUEUED\r\n");
  client.resets();
  node(1).expects("MULTI");
  node(1).expects("GET a");
  node(1).expects("EXEC");
}

TEST_CASE_METHOD(Hot, "PROXY HOTKEYS: nothing is kept when it is off") {
  config.hotKeysSample = 0;
  worker().setConfig(config);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK_FALSE(contains(hot(), "db="));
}

TEST_CASE_METHOD(Stage, "SLOWLOG keeps slow requests with their arguments, newest first") {
  client.sends({"CLIENT SETNAME me", "GET a", "SET d x"});
  const Received a = node(1).expects("GET a");
  const Received d = node(1).expects("SET d x");
  clock.advance(20ms);
  a.replies(bulk("1") + "+OK\r\n");
  client.receives("+OK\r\n" + bulk("1") + "+OK\r\n");
  other.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  other.receives(bulk("1"));
  other.sends("SLOWLOG LEN");
  other.receives(":2\r\n");
  other.sends("SLOWLOG GET");
  const std::string log = other.takes();
  CHECK(log.starts_with("*2\r\n*6\r\n"));
  const std::string origin = bulk("127.0.0.1:40001") + bulk("me");
  const auto set = log.find(":20000\r\n*3\r\n" + bulk("SET") + bulk("d") + bulk("x") + origin);
  const auto get = log.find(":20000\r\n*2\r\n" + bulk("GET") + bulk("a") + origin);
  REQUIRE(set != std::string::npos);
  REQUIRE(get != std::string::npos);
  CHECK(set < get);
  other.sends("PROXY SLOWLOG 1");
  CHECK(contains(other.takes(), origin + bulk("10.0.0.1:7001") + ":20000\r\n"));
  other.sends({"SLOWLOG RESET", "SLOWLOG LEN"});
  other.receives("+OK\r\n:0\r\n");
}

TEST_CASE_METHOD(Stage, "SLOWLOG keeps no more than slowlog-max-len, and no secrets") {
  config.slowlogLogSlowerThan = 0;
  config.slowlogMaxLen = 2;
  config.password = "secret";
  client.sends({"AUTH secret", "PING", "ECHO x", "CLIENT ID"});
  client.receives("+OK\r\n+PONG\r\n" + bulk("x") + ":1\r\n");
  client.sends("SLOWLOG GET -1");
  const std::string log = client.takes();
  CHECK(log.starts_with("*2\r\n"));
  CHECK(contains(log, "*2\r\n" + bulk("CLIENT") + bulk("ID")));
  CHECK(contains(log, "*2\r\n" + bulk("ECHO") + bulk("x")));
  CHECK_FALSE(contains(log, "secret"));
}

TEST_CASE_METHOD(Stage, "SLOWLOG shows no passwords, also not those that the proxy itself has checked") {
  config.slowlogLogSlowerThan = 0;
  config.password = "secret";
  config.allowAdminCommands = true;
  client.sends({"AUTH secret", "HELLO 2 AUTH default secret SETNAME me", "AUTH default wrong-secret",
                "HELLO 9 AUTH default secret"});
  clock.advance(1s);
  client.takes();
  client.sends("ACL SETUSER bob >secret");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("ACL SETUSER bob >secret").replies(kOk);
  client.takes();
  client.sends({"MULTI", "ACL SETUSER bob >secret", "EXEC"});
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("ACL SETUSER bob >secret").replies(kOk);
  client.takes();
  client.sends({"MULTI", "AUTH default secret", "EXEC"});
  clock.advance(1s);
  client.takes();
  client.sends("SLOWLOG GET 20");
  const std::string log = client.takes();
  const std::string redacted = bulk("(redacted)");
  CHECK_FALSE(contains(log, "secret"));
  CHECK(contains(log, "*2\r\n" + bulk("AUTH") + redacted));
  CHECK(contains(
      log, bulk("HELLO") + bulk("2") + bulk("AUTH") + redacted + redacted + bulk("SETNAME") + bulk("me")));
  CHECK(contains(log, bulk("ACL") + bulk("SETUSER") + redacted + redacted));
  client.sends("PROXY SLOWLOG 20");
  CHECK_FALSE(contains(client.takes(), "secret"));
}

TEST_CASE_METHOD(Stage, "long arguments and long lists of them are cut in SLOWLOG") {
  config.slowlogLogSlowerThan = 0;
  std::string many = "PING";
  client.sendsBytes(request(Words{"ECHO", std::string(130, 'x')}));
  client.receives(bulk(std::string(130, 'x')));
  Words words = {"COMMAND", "INFO"};
  for (int i = 0; i < 31; ++i) words.push_back("none");
  client.sendsBytes(request(words));
  client.takes();
  client.sends("SLOWLOG GET 2");
  const std::string log = client.takes();
  CHECK(contains(log, bulk(std::string(128, 'x') + "... (2 more bytes)")));
  CHECK(contains(log, "*32\r\n" + bulk("COMMAND")));
  CHECK(contains(log, bulk("... (2 more arguments)")));
}

TEST_CASE_METHOD(Stage, "a slow transaction stands in SLOWLOG as its command, or with their number") {
  client.sends({"MULTI", "SET a 1", "EXEC", "MULTI", "SET a 1", "GET a", "EXEC"});
  const Received multi = node(1).expects("MULTI");
  for (const char* each : {"SET a 1", "EXEC", "MULTI", "SET a 1", "GET a", "EXEC"}) node(1).expects(each);
  clock.advance(20ms);
  multi.replies("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n" + bulk("1"));
  client.takes();
  client.sends("SLOWLOG GET");
  const std::string log = client.takes();
  CHECK(contains(log, "*3\r\n" + bulk("SET") + bulk("a") + bulk("1")));
  CHECK(contains(log, "*2\r\n" + bulk("EXEC") + bulk("(2 commands)")));
}

TEST_CASE_METHOD(Stage, "a command that blocked is not slow") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  clock.advance(10s);
  pop.replies("*-1\r\n");
  client.receives("*-1\r\n");
  client.sends("SLOWLOG LEN");
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Stage, "CONFIG SET of the slow log's settings is followed by the proxy's own log") {
  config.allowAdminCommands = true;
  client.sends("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 1");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    node(i).expects("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 1").replies(kOk);
  }
  client.receives(kOk);
  client.sends({"PING", "ECHO x", "SLOWLOG LEN"});
  client.receives("+PONG\r\n" + bulk("x") + ":1\r\n");
}

TEST_CASE_METHOD(Stage, "LATENCY HISTOGRAM shows the commands that were used") {
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  clock.advance(1ms);
  a.replies(bulk("1"));
  client.receives(bulk("1"));
  const std::string get = bulk("get") + "*4\r\n" + bulk("calls") + ":1\r\n" + bulk("histogram_usec");
  client.sends("LATENCY HISTOGRAM get set nonsense");
  client.receives("*2\r\n" + get + "*2\r\n:1000\r\n:1\r\n");
  client.sends({"LATENCY LATEST", "LATENCY HISTORY command", "LATENCY RESET", "LATENCY GRAPH command"});
  client.receives("*0\r\n*0\r\n:0\r\n-ERR No samples available for event 'command'\r\n");
}

TEST_CASE_METHOD(Stage, "PROXY PEERS tells of the channel, and then of each proxy") {
  const auto lines = [this] {
    client.sends("PROXY PEERS");
    return client.takes();
  };
  CHECK(contains(lines(), "peers=off others=0 node= said=0 heard=0 unread=0 vanished=0 trouble=\"\"\n\r\n"));
  auto report = std::make_shared<pubsub::PeerReport>();
  report->isOn = true;
  report->trouble = "10.0.0.1:7001: no answer";
  report->self = {"own", "here", "1", 3, loop.now(), 2, false};
  report->others = {{"a", "there \n", "2", 4, loop.now() - 700ms, std::nullopt, false},
                    {"b", "", "2", 5, loop.now() + 1s, std::nullopt, true}};
  report->said = 1;
  report->heard = 2;
  report->unread = 3;
  report->vanished = 4;
  control.census().setPeers(report);
  CHECK(contains(
      lines(),
      "peers=unheard others=2 node= said=1 heard=2 unread=3 vanished=4 trouble=\"10.0.0.1:7001: no answer\"\n"
      "peer=self id=\"own\" heard-ms-ago=0 clients=3 subscribers=told topics=2 release=\"1\" place=\"here\"\n"
      "peer=other id=\"a\" heard-ms-ago=700 clients=4 subscribers=unknown topics=0 release=\"2\" "
      "place=\"there \\n\"\n"
      "peer=other id=\"b\" heard-ms-ago=0 clients=5 subscribers=too-many topics=0 release=\"2\" place=\"\"\n"));
  auto well = std::make_shared<pubsub::PeerReport>(*report);
  well->hears = true;
  well->node = "10.0.0.1:7001";
  control.census().setPeers(well);
  CHECK(contains(lines(), "peers=on others=2 node=10.0.0.1:7001 "));
}

}  // namespace slotless::test
