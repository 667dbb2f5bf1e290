// Users: who they are, what they may do in every context, and what becomes of their clients when that
// changes.
#include <string>

#include "batch.h"

namespace slotless::test {

namespace {

constexpr std::string_view kNoChannel =
    "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";

// Everybody has to log in. The administrator may do everything.
struct Users : Stage {
  Users() {
    config.password = "secret";
    config.users = {"user root on >root ~* &* +@all",
                    "user alice on >alice ~a* %R~d* &a* +@all -@dangerous +keys",
                    "user off off >off ~* +@all"};
  }
  void enters(FakeClient& who, const std::string& name) {
    who.sends("AUTH " + name + " " + name);
    who.receives(kOk);
  }
  std::uint64_t forbidden(telemetry::Forbidden kind) {
    return metrics().forbidden[static_cast<std::size_t>(kind)].value();
  }
};

// Two databases, in the slots of a and b, and a user for each.
struct Applications : Users {
  Applications() {
    using config::DatabaseLayout;
    config.databases = 4;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"}, {2, 2, DatabaseLayout::Pinned, "b"}};
    config.users = {"user root on >root ~* &* +@all",
                    "user one on >one ~* &* +@all -@admin databases=1 database=1",
                    "user two on >two ~* &* +@all -@admin databases=2-3 scripts=unchecked"};
  }
};

}  // namespace

// --- who they are ---

TEST_CASE_METHOD(Users, "in a transaction nothing of a user follows what may make the client another") {
  enters(client, "root");
  for (const std::string& login :
       {std::string("AUTH alice alice"), std::string("HELLO 2 AUTH alice alice")}) {
    client.sends({"MULTI", login, "GET b", "EXEC"});
    const std::string error = "'get' cannot follow '" +
                              std::string(login.starts_with("A") ? "auth" : "hello") +
                              "' in a transaction: that may make it another user's\r\n";
    client.receives("+OK\r\n+QUEUED\r\n-ERR " + error +
                    "-EXECABORT Transaction discarded because of previous errors. The first: ERR " + error);
    client.sends("ACL WHOAMI");
    client.receives(bulk("root"));
  }
  client.sends({"MULTI", "HELLO 2", "GET b", "EXEC"});
  Batch(node(2), {"GET b"}).replies("*1\r\n" + bulk("x"));
  CHECK(client.takes().ends_with(bulk("x")));
  client.sends({"MULTI", "AUTH alice alice", "AUTH root root", "EXEC", "ACL WHOAMI"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n" + bulk("root"));
}

TEST_CASE_METHOD(Users, "a client has to log in, with one argument or two, or with HELLO") {
  client.sends("GET a");
  client.receives(kNoAuth);
  client.sends("AUTH secret");
  client.receives(kOk);
  client.sends("ACL WHOAMI");
  client.receives(bulk("default"));
  client.sends("AUTH alice alice");
  client.receives(kOk);
  client.sends("ACL WHOAMI");
  client.receives(bulk("alice"));
  other.sends("HELLO 2 AUTH alice alice");
  CHECK(other.takes().starts_with("*14\r\n"));
  other.sends("ACL WHOAMI");
  other.receives(bulk("alice"));
}

TEST_CASE_METHOD(Users, "whoever is wrong gets the same answer, and is counted and noted") {
  for (const char* words : {"AUTH alice wrong", "AUTH nobody x", "AUTH off off", "AUTH wrong"}) {
    FakeClient& each = addClient();
    each.sends(words);
    clock.advance(1s);
    each.receives(kWrongPass);
  }
  CHECK(metrics().loginsRefused.value() == 4);
  clock.advance(61s);
  enters(client, "root");
  client.sends("ACL LOG");
  const std::string log = client.takes();
  CHECK(log.starts_with("*4\r\n"));
  CHECK(log.find(bulk("reason") + bulk("auth")) != std::string::npos);
  CHECK(log.find(bulk("username") + bulk("nobody")) != std::string::npos);
  client.sends("ACL LOG RESET");
  client.receives(kOk);
  client.sends("ACL LOG");
  client.receives("*0\r\n");
}

TEST_CASE_METHOD(Users, "after a failure the next attempt from that address waits, a second at most") {
  client.sends("AUTH alice wrong");
  client.receives(kWrongPass);
  other.sends({"AUTH alice alice", "PING"});
  other.receivesNothing();
  clock.advance(49ms);
  other.receivesNothing();
  clock.advance(2ms);
  other.receives(std::string(kOk) + std::string(kPong));
  for (int i = 0; i < 20; ++i) {
    client.sends("AUTH alice wrong");
    clock.advance(1001ms);
    client.receives(kWrongPass);
  }
  clientHost = "10.0.0.9";
  FakeClient& elsewhere = addClient();
  elsewhere.sends("AUTH alice alice");
  elsewhere.receives(kOk);
  client.sends("AUTH alice alice");
  client.receivesNothing();
  clock.advance(61s);
  client.receives(kOk);
}

TEST_CASE_METHOD(Users, "who leaves while an attempt waits is forgotten") {
  client.sends("AUTH alice wrong");
  client.receives(kWrongPass);
  other.sends("AUTH alice alice");
  other.resets();
  clock.advance(2s);
  CHECK(worker().clientCount() == 1);
}

TEST_CASE_METHOD(Users, "RESET logs out") {
  enters(client, "alice");
  client.sends({"RESET", "GET a"});
  client.receives("+RESET\r\n" + std::string(kNoAuth));
}

TEST_CASE_METHOD(Stage, "a default user without a password needs no login, and its rules hold at once") {
  config.users = {"user default on nopass ~a* +get", "user root on >root ~* &* +@all"};
  client.sends("SET a 1");
  client.receives(noCommand("set"));
  client.sends("AUTH x");
  client.receives(
      "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
      "configuration is correct?\r\n");
  client.sends("AUTH root root");
  client.receives(kOk);
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
  client.sends("RESET");
  client.receives("+RESET\r\n");
  client.sends("SET a 1");
  client.receives(noCommand("set"));
}

TEST_CASE_METHOD(Stage, "without users nothing is asked, and ACL is about the nodes' users") {
  client.sends("ACL WHOAMI");
  client.receives(bulk("default"));
  client.sends("ACL SETUSER x");
  client.receives(
      "-ERR 'acl|setuser' administers a server: Slotless refuses it unless allow-admin-commands is set\r\n");
}

// --- what they may do ---

TEST_CASE_METHOD(Users, "commands and keys are checked before anything is made of them") {
  enters(client, "alice");
  client.sends({"SET a 1", "GET d"});
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("GET d").replies(bulk("x"));
  client.receives(std::string(kOk) + bulk("x"));
  client.sends({"GET b", "SET d 1", "MGET a b", "FLUSHALL", "PING"});
  client.receives(std::string(kNoKey) + std::string(kNoKey) + std::string(kNoKey) + noCommand("flushall") +
                  std::string(kPong));
  CHECK(forbidden(telemetry::Forbidden::Key) == 3);
  CHECK(forbidden(telemetry::Forbidden::Command) == 1);
  client.sends("HELLO 3");
  CHECK(client.takes().starts_with("%7\r\n"));
  client.sends({"GET b", "GET a"});
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kNoKey) + bulk("1"));
}

TEST_CASE_METHOD(Users, "refusals are in ACL LOG with Redis's fields") {
  enters(client, "alice");
  client.sends({"GET b", "MULTI", "PUBLISH b x", "EXEC", "FLUSHALL", "FLUSHALL"});
  client.takes();
  enters(other, "root");
  other.sends("ACL LOG");
  const std::string log = other.takes();
  CHECK(log.starts_with("*3\r\n*14\r\n" + bulk("count") + ":2\r\n" + bulk("reason") + bulk("command") +
                        bulk("context") + bulk("toplevel") + bulk("object") + bulk("flushall") +
                        bulk("username") + bulk("alice") + bulk("age-seconds")));
  CHECK(log.find(bulk("reason") + bulk("channel") + bulk("context") + bulk("multi") + bulk("object") +
                 bulk("b")) != std::string::npos);
  CHECK(log.find(bulk("reason") + bulk("key") + bulk("context") + bulk("toplevel") + bulk("object") +
                 bulk("b")) != std::string::npos);
  CHECK(log.find(" user=alice ") != std::string::npos);
  other.sends("ACL LOG 1");
  CHECK(other.takes().starts_with("*1\r\n"));
  // As it is called at that moment, also within one pipeline.
  client.sends({"GET b1", "CLIENT SETNAME one", "GET b2", "GET b3"});
  client.takes();
  other.sends("ACL LOG 3");
  const std::string named = other.takes();
  const auto count = [&](std::string_view text) {
    std::size_t found = 0;
    for (std::size_t at = named.find(text); at != std::string::npos; at = named.find(text, at + 1)) ++found;
    return found;
  };
  CHECK(count(" name=one ") == 2);
  CHECK(count(" name= ") == 1);
  other.sends("ACL LOG x");
  other.receives("-ERR value is not an integer or out of range\r\n");
}

TEST_CASE_METHOD(Users, "a refused command aborts its transaction") {
  enters(client, "alice");
  client.sends({"MULTI", "SET a 1", "SET b 1", "EXEC"});
  client.receives(std::string(kOk) + std::string(kQueued) + std::string(kNoKey) + aborted(kNoKey));
  client.sends({"MULTI", "SET a 1", "EXEC"});
  const Batch batch(node(1), {"SET a 1"});
  batch.replies("*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Users, "what blocks, watches or scans is checked as everything else") {
  enters(client, "alice");
  client.sends(
      {"BLPOP b 0", "WATCH b", "XREAD BLOCK 0 STREAMS b 0", "SUBSCRIBE b", "PSUBSCRIBE *", "SSUBSCRIBE b"});
  client.receives(std::string(kNoKey) + std::string(kNoKey) + std::string(kNoKey) + std::string(kNoChannel) +
                  std::string(kNoChannel) + std::string(kNoChannel));
  client.sends("SUBSCRIBE a");
  node(1).expects("subscribe a").replies(notice("subscribe", "a", 1));
  client.receives(notice("subscribe", "a", 1));
}

TEST_CASE_METHOD(Users, "SORT's patterns are for who may read all keys") {
  enters(client, "alice");
  client.sends({"SORT_RO a BY w*", "EXISTS b"});
  // SORT is @dangerous.
  client.receives(noCommand("sort_ro") + std::string(kNoKey));
}

TEST_CASE_METHOD(Users, "scripts are refused with a reason, and allowed where they are not to be checked") {
  enters(client, "alice");
  client.sends({"EVAL x 1 a", "EVALSHA x 0", "FCALL f 0"});
  const std::string said = client.takes();
  CHECK(
      said.starts_with("-NOPERM this user has no permissions to run the 'eval' command: what a script does"));
  CHECK(said.find("scripts=unchecked") != std::string::npos);
  CHECK(said.find("'fcall'") != std::string::npos);
  enters(other, "root");
  other.sends("ACL SETUSER alice scripts=unchecked");
  other.receives(kOk);
  client.sends("EVAL x 1 a");
  node(1).expects("EVAL x 1 a").replies(":1\r\n");
  client.receives(":1\r\n");
  client.sends("EVAL x 1 b");
  client.receives(kNoKey);
}

TEST_CASE_METHOD(Users, "the console is for administrators") {
  enters(client, "alice");
  client.sends({"PROXY STATS", "CLIENT LIST", "SLOWLOG GET", "MONITOR", "ACL LIST"});
  client.receives(noCommand("proxy|stats") + noCommand("client|list") + noCommand("slowlog|get") +
                  noCommand("monitor") + noCommand("acl|list"));
  enters(other, "root");
  other.sends("PROXY VERSION");
  CHECK_FALSE(other.takes().starts_with("-"));
  other.sends("ACL SETUSER alice +proxy|version");
  other.receives(kOk);
  client.sends("PROXY VERSION");
  CHECK_FALSE(client.takes().starts_with("-"));
}

TEST_CASE_METHOD(Users, "PUBSUB tells of channels that the user may hear") {
  enters(client, "alice");
  client.sends("PUBSUB CHANNELS");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("PUBSUB CHANNELS").replies("*2\r\n" + bulk("a1") + bulk("b1"));
  // Both are other proxies' clients' channels.
  CHECK(client.takes().find(bulk("b1")) == std::string::npos);
  client.sends("PUBSUB NUMSUB b1");
  client.receives(kNoChannel);
}

TEST_CASE_METHOD(Users, "who may do everything is on the short way, and so is who may do this") {
  enters(client, "root");
  enters(other, "alice");
  client.sends("GET a");
  other.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  other.receives(bulk("1"));
}

TEST_CASE_METHOD(Users, "a user is read-only, and reads from replicas, if it is to") {
  config.users = {"user root on >root ~* &* +@all",
                  "user reader on >reader ~* &* +@all read-only read-from=replica"};
  node(4).answersHandshake("READONLY", "+OK\r\n");
  addReplica(4, 1);
  enters(client, "reader");
  client.sends("SET a 1");
  client.receives("-NOPERM this user has no permissions to run the 'set' command: the user is read-only\r\n");
  client.sends("GET a");
  clock.advance(200ms);  // the link to the replica is made on demand
  node(4).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  client.sends("AUTH root root");
  client.receives(kOk);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

// --- databases ---

TEST_CASE_METHOD(Applications, "each user begins in its database, and selects no other") {
  enters(client, "one");
  client.sends("SET b 1");
  node(1).expects("SET ~1{a}b 1").replies(kOk);
  client.receives(kOk);
  client.sends({"SELECT 2", "SELECT 0", "SELECT 1", "MOVE b 2", "COPY b c DB 2", "SELECT 99"});
  client.receives(
      "-NOPERM this user has no permissions to use database 2\r\n"
      "-NOPERM this user has no permissions to use database 0\r\n+OK\r\n"
      "-NOPERM this user has no permissions to use database 2\r\n"
      "-NOPERM this user has no permissions to use database 2\r\n"
      "-ERR DB index is out of range\r\n");
  CHECK(forbidden(telemetry::Forbidden::Database) == 4);
  // Without a first database of its own it begins in the first that it may select.
  enters(other, "two");
  other.sends("SET b 1");
  node(2).expects("SET ~2{b}b 1").replies(kOk);
  other.receives(kOk);
}

TEST_CASE_METHOD(Applications, "keys are checked by the client's names, before they are mapped") {
  config.users.push_back("user three on >three ~b* +@all -@admin databases=1");
  enters(client, "three");
  client.sends({"GET b", "GET ~1{a}b", "GET a"});
  node(1).expects("GET ~1{a}b").replies(bulk("1"));
  client.receives(bulk("1") + std::string(kNoKey) + std::string(kNoKey));
}

TEST_CASE_METHOD(Applications, "SELECT in a transaction is no way around it") {
  enters(client, "one");
  client.sends({"MULTI", "SELECT 2", "GET b", "EXEC"});
  const std::string refused = "-NOPERM this user has no permissions to use database 2\r\n";
  client.receives(std::string(kOk) + refused + std::string(kQueued) + aborted(refused));
}

TEST_CASE_METHOD(Applications, "what is about all databases is refused to who may use some only") {
  enters(client, "one");
  client.sends({"MEMORY STATS", "PUBSUB NUMPAT", "MULTI", "MEMORY PURGE", "DISCARD"});
  const auto refused = [](const std::string& name) {
    return "-NOPERM this user has no permissions to run the '" + name +
           "' command: it is about all databases\r\n";
  };
  client.receives(refused("memory|stats") + refused("pubsub|numpat") + std::string(kOk) +
                  refused("memory|purge") + std::string(kOk));
  CHECK(forbidden(telemetry::Forbidden::Database) == 3);
  enters(other, "root");
  other.sends("PUBSUB NUMPAT");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("PUBSUB NUMPAT").replies(":0\r\n");
  other.receives(":0\r\n");
}

TEST_CASE_METHOD(Applications, "nobody empties all databases who may not select all") {
  enters(client, "one");
  client.sends("FLUSHALL");
  client.receives(
      "-NOPERM this user has no permissions to run the 'flushall' command: it empties all databases\r\n");
}

TEST_CASE_METHOD(Applications,
                 "a database that is taken away is not used any more, even where it was selected") {
  enters(client, "one");
  enters(other, "root");
  other.sends("ACL SETUSER one databases=2");
  other.receives(kOk);
  client.sends({"GET b", "DBSIZE", "PING"});
  const std::string refused = "-NOPERM this user has no permissions to use database 1\r\n";
  client.receives(refused + refused + std::string(kPong));
}

TEST_CASE_METHOD(Applications, "keyspace notifications are those of one's own databases") {
  enters(client, "one");
  client.sends("SUBSCRIBE __keyevent@1__:set __keyevent@2__:set");
  settle();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    while (node(i).unexpected() > 0) {
      const Received asked = node(i).expectsAny();
      asked.replies(notice(asked.words()[0], asked.words()[1], 1));
    }
  }
  client.takes();
  node(1).pushes("*3\r\n" + bulk("message") + bulk("__keyevent@0__:set") + bulk("~1{a}x"));
  node(2).pushes("*3\r\n" + bulk("message") + bulk("__keyevent@0__:set") + bulk("~2{b}x"));
  client.receives("*3\r\n" + bulk("message") + bulk("__keyevent@1__:set") + bulk("x"));
}

// --- changes ---

TEST_CASE_METHOD(Users, "a new rule holds for clients that are there, on all workers") {
  workers = 2;
  FakeClient& far = addClient(1);
  enters(client, "root");
  enters(far, "alice");
  client.sends("ACL SETUSER alice -get");
  client.receives(kOk);
  far.sends("GET a");
  far.receives(noCommand("get"));
  client.sends("ACL GETUSER alice");
  CHECK(client.takes().find(bulk("+@all -@dangerous +keys -get")) != std::string::npos);
}

TEST_CASE_METHOD(Users, "a user that is switched off or removed loses its clients, on all workers") {
  workers = 2;
  FakeClient& far = addClient(1);
  enters(client, "root");
  enters(other, "alice");
  enters(far, "alice");
  client.sends("ACL SETUSER alice off");
  client.receives(kOk);
  CHECK(other.isClosed());
  CHECK(far.isClosed());
  client.sends({"ACL SETUSER alice on", "ACL DELUSER alice nobody"});
  client.receives(std::string(kOk) + ":1\r\n");
  FakeClient& again = addClient();
  again.sends("AUTH alice alice");
  again.receives(kWrongPass);
  client.sends("ACL DELUSER root");
  client.receives(":1\r\n");
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Users, "whoever switches its own user off goes on, and nobody else of it does") {
  for (FakeClient* each : {&client, &other}) enters(*each, "root");
  client.sends({"ACL SETUSER root off", "PING"});
  client.receives(std::string(kOk) + std::string(kPong));
  CHECK(other.isClosed());
  client.sends("ACL SETUSER root on");
  client.receives(kOk);
  enters(addClient(), "root");
}

TEST_CASE_METHOD(Users, "ACL LOG keeps as much as it is told, and its subcommands know their arguments") {
  config.acllogMaxLen = 2;
  enters(client, "root");
  enters(other, "alice");
  other.sends({"GET x1", "GET x2", "GET x3"});
  other.receives(std::string(kNoKey) + std::string(kNoKey) + std::string(kNoKey));
  client.sends("ACL LOG");
  CHECK(client.takes().starts_with("*2\r\n"));
  client.sends("ACL CAT read write");
  client.receives("-ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.\r\n");
}

TEST_CASE_METHOD(Applications, "whoever is confined to databases sees no scripts of others") {
  enters(client, "one");
  for (const char* words : {"SCRIPT EXISTS x", "SCRIPT FLUSH", "FUNCTION LIST", "FUNCTION FLUSH"}) {
    client.sends(words);
    const std::string said = client.takes();
    CHECK(said.starts_with("-NOPERM "));
    CHECK(said.find("scripts=unchecked") != std::string::npos);
  }
}

TEST_CASE_METHOD(Users, "who listens to what it may not hear any more is closed") {
  enters(client, "root");
  enters(other, "alice");
  other.sends("SUBSCRIBE a");
  node(1).expects("subscribe a").replies(notice("subscribe", "a", 1));
  other.receives(notice("subscribe", "a", 1));
  client.sends("ACL SETUSER alice +get &b*");
  client.receives(kOk);
  CHECK_FALSE(other.isClosed());
  client.sends("ACL SETUSER alice resetchannels &b*");
  client.receives(kOk);
  CHECK(other.isClosed());
  node(1).expects("unsubscribe a");
}

TEST_CASE_METHOD(Users, "a transaction that was begun under other rules is not carried out") {
  enters(client, "root");
  enters(other, "alice");
  other.sends({"MULTI", "SET a 1"});
  other.receives(std::string(kOk) + std::string(kQueued));
  client.sends("ACL SETUSER alice -set");
  client.receives(kOk);
  other.sends("EXEC");
  CHECK(other.takes().starts_with("-EXECABORT "));
}

TEST_CASE_METHOD(Users, "wrong rules change nothing") {
  enters(client, "root");
  client.sends({"ACL SETUSER alice -get bogus", "ACL SETUSER alice (+get", "ACL DELUSER default",
                "ACL SETUSER alice +foo"});
  client.receives(
      "-ERR Error in ACL SETUSER modifier 'bogus': Syntax error\r\n"
      "-ERR Unmatched parenthesis in acl selector starting at '(+get'.\r\n"
      "-ERR The 'default' user cannot be removed\r\n"
      "-ERR Error in ACL SETUSER modifier '+foo': Unknown command or category name in ACL\r\n");
  enters(other, "alice");
  other.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  other.receives(bulk("1"));
}

TEST_CASE_METHOD(Users, "ACL tells of users, categories and what a user might do") {
  enters(client, "root");
  client.sends({"ACL USERS", "ACL CAT scripting", "ACL CAT foo", "ACL DRYRUN alice get b",
                "ACL DRYRUN alice get a", "ACL DRYRUN alice flushall", "ACL DRYRUN nobody get a",
                "ACL DRYRUN alice foo", "ACL DRYRUN alice get", "ACL DRYRUN alice publish b x",
                "ACL GENPASS 0", "ACL GETUSER nobody"});
  const std::string said = client.takes();
  CHECK(said.starts_with("*4\r\n" + bulk("alice") + bulk("default") + bulk("off") + bulk("root")));
  CHECK(said.ends_with(
      "-ERR Unknown category 'foo'\r\n" + bulk("This user has no permissions to access the 'b' key") +
      "+OK\r\n" + bulk("This user has no permissions to run the 'flushall' command") +
      "-ERR User 'nobody' not found\r\n" +
      "-ERR Command 'foo' not found\r\n-ERR wrong number of arguments for 'get' command\r\n" +
      bulk("This user has no permissions to access the 'b' channel") +
      "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to "
      "4096\r\n$-1\r\n"));
  client.sends("ACL GENPASS 5");
  CHECK(client.takes().starts_with("$2\r\n"));
  client.sends("ACL GENPASS");
  CHECK(client.takes().starts_with("$64\r\n"));
  client.sends("ACL LIST");
  CHECK(client.takes().find("user root on #") != std::string::npos);
  client.sends({"ACL SAVE", "ACL LOAD"});
  CHECK(client.takes().starts_with("-ERR This Redis instance is not configured to use an ACL file."));
}

TEST_CASE_METHOD(Users, "CLIENT LIST and KILL know users by name") {
  enters(client, "root");
  enters(other, "alice");
  client.sends("CLIENT LIST");
  CHECK(client.takes().find(" user=alice ") != std::string::npos);
  client.sends({"CLIENT KILL USER nobody", "CLIENT KILL USER alice"});
  client.receives("-ERR No such user 'nobody'\r\n:1\r\n");
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(Users, "another configuration brings other users, and clients go by them") {
  enters(client, "alice");
  enters(other, "root");
  config.users = {"user root on >root ~* &* +@all", "user alice on >alice ~b* +@all"};
  worker().setConfig(config);
  client.sends({"GET a", "GET b"});
  node(2).expects("GET b").replies(bulk("1"));
  client.receives(std::string(kNoKey) + bulk("1"));
  config.users = {"user root on >root ~* &* +@all"};
  worker().setConfig(config);
  settle();
  CHECK(client.isClosed());
  CHECK_FALSE(other.isClosed());
}

TEST_CASE_METHOD(Stage, "users that are configured later are in force for who is there") {
  client.sends("PING");
  client.receives(kPong);
  config.users = {"user default on nopass ~a* +@all"};
  worker().setConfig(config);
  client.sends("GET b");
  client.receives(kNoKey);
  config.users.clear();
  worker().setConfig(config);
  client.sends("GET b");
  node(2).expects("GET b").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Users, "users that cannot be are not taken over") {
  enters(client, "alice");
  config.users = {"user alice bogus"};
  worker().setConfig(config);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
}

}  // namespace slotless::test
