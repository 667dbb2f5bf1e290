// Logical databases: keys with other names in the cluster, which no client sees.
#include "batch.h"

namespace slotless::test {

namespace {

// What a node says of one step over its keys.
std::string step(std::string_view from, std::string_view to, int keys, std::string_view node = "n1") {
  return "*5\r\n" + bulk(from) + bulk(to) + bulk(node) + ":" + std::to_string(keys) + "\r\n:0\r\n";
}

// Database 1 is in the slot of a, database 2 in that of b; 3 is spread; 4 is denied.
struct Databases : Stage {
  Databases() {
    using config::DatabaseLayout;
    config.databases = 16;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                             {2, 2, DatabaseLayout::Pinned, "b"},
                             {3, 3, DatabaseLayout::Spread, ""},
                             {4, 4, DatabaseLayout::Denied, ""}};
  }
  void select(FakeClient& who, int index) {
    who.sends("SELECT " + std::to_string(index));
    who.receives(kOk);
  }
};
}  // namespace

TEST_CASE_METHOD(Databases, "a key of a pinned database carries its tag, and the reply does not tell") {
  select(client, 1);
  client.sends({"SET b 1", "GET c"});
  node(1).expects("SET ~1{a}b 1").replies(kOk);
  node(1).expects("GET ~1{a}c").replies(bulk("x"));
  client.receives(std::string(kOk) + bulk("x"));
  other.sends("GET b");
  node(2).expects("GET b").replies(bulk("0"));
  other.receives(bulk("0"));
}

TEST_CASE_METHOD(Databases, "a large value of a pinned database arrives whole, also in a transaction") {
  select(client, 1);
  const std::string value(100'000, 'v');
  client.sends("SET b " + value);
  node(1).expects("SET ~1{a}b " + value).replies(kOk);
  client.receives(kOk);
  client.sends({"GET c", "SET b " + value});
  node(1).expects("GET ~1{a}c").replies(bulk("x"));
  node(1).expects("SET ~1{a}b " + value).replies(kOk);
  client.receives(bulk("x") + std::string(kOk));
  client.sends({"MULTI", "SET b " + value, "EXEC"});
  const Batch batch(node(1), {"SET ~1{a}b " + value});
  batch.replies("*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Databases, "keys of any names are in one slot of a pinned database") {
  select(client, 1);
  client.sends({"MSET a 1 b 2", "RENAME b c", "SUNIONSTORE x y {z}"});
  node(1).expects("MSET ~1{a}a 1 ~1{a}b 2").replies(kOk);
  node(1).expects("RENAME ~1{a}b ~1{a}c").replies(kOk);
  node(1).expects("SUNIONSTORE ~1{a}x ~1{a}y ~1{a}{z}").replies(":0\r\n");
  client.receives(std::string(kOk) + std::string(kOk) + ":0\r\n");
}

TEST_CASE_METHOD(Databases, "a spread database leaves the keys' own hash tags in force") {
  select(client, 3);
  client.sends({"GET {b}x", "SET {a}y 1"});
  node(2).expects("GET ~3:{b}x").replies(bulk("1"));
  node(1).expects("SET ~3:{a}y 1").replies(kOk);
  client.receives(bulk("1") + std::string(kOk));
}

TEST_CASE_METHOD(Databases, "SELECT says what is wrong, and the database stays") {
  select(client, 1);
  client.sends({"SELECT 16", "SELECT -1", "SELECT one", "SELECT 4", "GET x"});
  node(1).expects("GET ~1{a}x").replies(bulk("1"));
  client.receives(
      "-ERR DB index is out of range\r\n-ERR DB index is out of range\r\n"
      "-ERR value is not an integer or out of range\r\n"
      "-ERR SELECT is not allowed: database-layout denies database 4\r\n" +
      bulk("1"));
}

TEST_CASE_METHOD(Databases, "RESET leads back to the database that the connection began in") {
  config.defaultDatabase = 2;
  client.sends("GET x");
  node(2).expects("GET ~2{b}x").replies(bulk("2"));
  client.receives(bulk("2"));
  select(client, 1);
  client.sends("RESET");
  client.receives("+RESET\r\n");
  client.sends("GET x");
  node(2).expects("GET ~2{b}x").replies(bulk("2"));
  client.receives(bulk("2"));
}

TEST_CASE_METHOD(Databases, "database 0 refuses names that other databases have in the cluster") {
  const std::string reserved =
      "-ERR Keys that begin like '~1{' or '~1:' are reserved for other databases\r\n";
  for (const std::string_view command : {"GET ~1{a}x", "MSET k 1 ~2:x 2", "SORT k BY ~1{a}*",
                                         "BLPOP k ~{x} 0", "WATCH ~1{a}x", "EVAL return 1 ~1{a}x"}) {
    INFO(command);
    client.sends(command);
    client.receives(reserved);
  }
  client.sends({"GET {a}~x", "SET a ~1{a}"});
  node(1).expects("GET {a}~x").replies(bulk("1"));
  node(1).expects("SET a ~1{a}").replies(kOk);
  client.receives(bulk("1") + std::string(kOk));
}

TEST_CASE_METHOD(Databases, "a transaction over any keys of a pinned database is one on one node") {
  select(client, 1);
  client.sends({"MULTI", "SET x 1", "BLPOP y z 0", "EXEC"});
  const Batch batch(node(1), {"SET ~1{a}x 1", "BLPOP ~1{a}y ~1{a}z 0"});
  batch.replies("*2\r\n+OK\r\n*2\r\n" + bulk("~1{a}z") + bulk("v"));
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n*2\r\n" + bulk("z") + bulk("v"));
}

TEST_CASE_METHOD(Databases, "SELECT in a transaction counts for what follows, and beyond it") {
  client.sends({"MULTI", "SELECT 1", "SET x 1", "EXEC", "GET x"});
  const Batch batch(node(1), {"SET ~1{a}x 1"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  batch.replies("*1\r\n+OK\r\n");
  node(1).expects("GET ~1{a}x").replies(bulk("1"));
  client.receives("*2\r\n+OK\r\n+OK\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Databases, "SELECT in a transaction that is given up changes nothing") {
  client.sends({"MULTI", "SELECT 1", "DISCARD", "GET a"});
  node(1).expects("GET a").replies(bulk("0"));
  client.receives("+OK\r\n+QUEUED\r\n+OK\r\n" + bulk("0"));
  client.sends({"MULTI", "SET a 1", "SELECT 2", "SET x 1", "EXEC", "GET a"});
  node(1).expects("GET a").replies(bulk("0"));
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n" + std::string(kOneSlot) + aborted(kOneSlot) + bulk("0"));
}

TEST_CASE_METHOD(Databases, "replies that name keys give them their own names") {
  select(client, 1);
  client.sends("BLPOP x y 0");
  node(1).expects("BLPOP ~1{a}x ~1{a}y 0").replies("*2\r\n" + bulk("~1{a}y") + bulk("~1{a}y"));
  client.receives("*2\r\n" + bulk("y") + bulk("~1{a}y"));
  client.sends("LMPOP 2 x y LEFT");
  node(1).expects("LMPOP 2 ~1{a}x ~1{a}y LEFT").replies("*2\r\n" + bulk("~1{a}x") + "*1\r\n" + bulk("v"));
  client.receives("*2\r\n" + bulk("x") + "*1\r\n" + bulk("v"));
  const std::string entries = "*1\r\n*2\r\n" + bulk("1-1") + "*2\r\n" + bulk("f") + bulk("v");
  client.sends("XREAD STREAMS s t 0 0");
  node(1)
      .expects("XREAD STREAMS ~1{a}s ~1{a}t 0 0")
      .replies("*2\r\n*2\r\n" + bulk("~1{a}s") + entries + "*2\r\n" + bulk("~1{a}t") + entries);
  client.receives("*2\r\n*2\r\n" + bulk("s") + entries + "*2\r\n" + bulk("t") + entries);
  client.sends("BLPOP x 1");
  node(1).expects("BLPOP ~1{a}x 1").replies("*-1\r\n");
  client.receives("*-1\r\n");
}

TEST_CASE_METHOD(Databases, "errors name keys as the client does") {
  select(client, 1);
  client.sends("XREADGROUP GROUP g c STREAMS s >");
  node(1)
      .expects("XREADGROUP GROUP g c STREAMS ~1{a}s >")
      .replies("-NOGROUP No such key '~1{a}s' or consumer group 'g'\r\n");
  client.receives("-NOGROUP No such key 's' or consumer group 'g'\r\n");
  client.sends("XPENDING ~1{a}s g");
  node(1)
      .expects("XPENDING ~1{a}~1{a}s g")
      .replies("-NOGROUP No such key '~1{a}~1{a}s' or consumer group 'g'\r\n");
  client.receives("-NOGROUP No such key '~1{a}s' or consumer group 'g'\r\n");
}

TEST_CASE_METHOD(Databases, "a whole pinned database is asked for where it is, also in a transaction") {
  select(client, 1);
  client.sends("DBSIZE");
  const Received count = node(1).expectsAny();
  CHECK(count.words()[0] == "EVAL_RO");
  CHECK(count.words()[3] == "~{a}");
  CHECK(count.words()[4] == "~1{a}");
  count.replies(step("0", "0", 3));
  client.receives(":3\r\n");
  client.sends("KEYS x*");
  node(1).expectsAny().replies("*3\r\n" + bulk("~1{a}x1") + bulk("~1{a}y") + bulk("~1{a}x2"));
  client.receives("*2\r\n" + bulk("x1") + bulk("x2"));
  client.sends("RANDOMKEY");
  node(1).expectsAny().replies(bulk("~1{a}y"));
  client.receives(bulk("y"));
  client.sends({"MULTI", "KEYS *", "EXEC"});
  node(1).expects("MULTI");
  node(1).expectsAny();
  node(1).expects("EXEC").replies("+OK\r\n+QUEUED\r\n*1\r\n*1\r\n" + bulk("~1{a}k"));
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n*1\r\n" + bulk("k"));
}

TEST_CASE_METHOD(Databases, "what one Redis finds wrong when it runs a command is an error in EXEC's reply") {
  select(client, 1);
  for (const auto& [command, error] :
       {std::pair("FLUSHDB x", "ERR syntax error"), std::pair("SCAN x", "ERR invalid cursor"),
        std::pair("SCAN 0 COUNT 0", "ERR syntax error"),
        std::pair("COPY x x", "ERR source and destination objects are the same"),
        std::pair("COPY x y DB 16", "ERR DB index is out of range"),
        std::pair("COPY x y z", "ERR syntax error"),
        std::pair("MOVE x z", "ERR value is not an integer or out of range")}) {
    INFO(command);
    client.sends(command);
    const std::string reply = "-" + std::string(error) + "\r\n";
    client.receives(reply);
    client.sends({"MULTI", command, "SET x 1", "EXEC"});
    const Batch batch(node(1), {"SET ~1{a}x 1"});
    batch.replies("*1\r\n+OK\r\n");
    client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n" + reply + "+OK\r\n");
  }
}

TEST_CASE_METHOD(Databases, "the empty key is found by what Redis finds it by") {
  select(client, 1);
  for (const auto& [pattern, found] : {std::pair("*", 1), std::pair("**", 0), std::pair("*?", 0)}) {
    client.sends("KEYS " + std::string(pattern));
    node(1).expectsAny().replies("*1\r\n" + bulk("~1{a}"));
    client.receives(found == 1 ? "*1\r\n" + bulk("") : "*0\r\n");
  }
}

TEST_CASE_METHOD(Databases, "a whole pinned database waits while its slot is being moved") {
  select(client, 1);
  client.sends("FLUSHDB");
  node(1).expectsAny().replies(ask("a", 2));
  settle();
  client.receivesNothing();
  giveSlot("a", 2);
  clock.advance(1s);
  const Received flush = node(2).expectsAny();
  CHECK(flush.words()[0] == "EVAL");
  flush.replies(step("0", "0", 3));
  client.receives(kOk);
}

TEST_CASE_METHOD(Databases, "a large database is counted step by step, and anew on another node") {
  select(client, 1);
  client.sends("DBSIZE");
  node(1).expectsAny().replies(step("0", "17", 5));
  const Received second = node(1).expectsAny();
  CHECK(second.words()[5] == "17");
  CHECK(second.words()[6] == "n1");
  second.replies(step("17", "3", 5));
  node(1).expectsAny().replies(step("0", "9", 7, "n2"));
  node(1).expectsAny().replies(step("9", "0", 1, "n2"));
  client.receives(":8\r\n");
}

TEST_CASE_METHOD(Databases,
                 "FLUSHDB of database 0 goes over all masters, and over again when they have changed") {
  client.sends("FLUSHDB");
  const Received first = node(1).expectsAny();
  CHECK(first.words()[2] == "0");
  CHECK(first.words()[3].empty());
  first.replies(step("0", "5", 2));
  node(2).expectsAny().replies(step("0", "0", 1));
  node(3).expectsAny().replies(step("0", "0", 1));
  const Received last = node(1).expectsAny();
  giveSlot("b", 3);
  last.replies(step("5", "0", 1));
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsAny().replies(step("0", "0", 0));
  client.receives(kOk);
}

TEST_CASE_METHOD(Databases, "SCAN of a pinned database starts over when another node has it") {
  select(client, 1);
  client.sends("SCAN 0 COUNT 5");
  const Received first = node(1).expectsAny();
  CHECK(first.words()[6] == "0");
  first.replies("*3\r\n" + bulk("17") + bulk("1193046") + bulk("~1{a}x"));
  const std::string reply = client.takes();
  CHECK(reply.ends_with("*1\r\n" + bulk("x")));
  const std::string cursor = reply.substr(reply.find("\r\n$") + 3);
  const std::size_t begin = cursor.find("\r\n") + 2;
  const std::string number = cursor.substr(begin, cursor.find("\r\n", begin) - begin);
  client.sends("SCAN " + number);
  const Received second = node(1).expectsAny();
  CHECK(second.words()[6] == "17");
  CHECK(second.words()[7] == "1193046");
  second.replies("*2\r\n" + bulk("0") + bulk("1193046"));
  client.receives("*2\r\n" + bulk("0") + "*0\r\n");
}

TEST_CASE_METHOD(Databases, "KEYS of database 0 leaves the others' keys out") {
  client.sends("KEYS *");
  node(1).expects("KEYS *").replies("*2\r\n" + bulk("a") + bulk("~1{a}x"));
  node(2).expects("KEYS *").replies("*1\r\n" + bulk("~x"));
  node(3).expects("KEYS *").replies("*1\r\n" + bulk("~3:y"));
  client.receives("*2\r\n" + bulk("a") + bulk("~x"));
}

TEST_CASE_METHOD(Databases, "with one database there is nothing to tell apart") {
  config.databases = 1;
  config.databaseLayout.clear();
  client.sends({"GET ~1{a}x", "DBSIZE"});
  node(1).expects("GET ~1{a}x").replies(bulk("1"));
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("DBSIZE").replies(":1\r\n");
  client.receives(bulk("1") + ":3\r\n");
}

TEST_CASE_METHOD(Databases,
                 "with one database the names of the proxy's own keys are refused, and no others") {
  config.databases = 1;
  config.databaseLayout.clear();
  const std::string reserved = "-ERR Keys of this name are reserved: Slotless writes them itself\r\n";
  for (const std::string_view command :
       {"SET ~{slotless-wait-7} 1", "DEL a ~{scan:123}", "MGET {a} ~{abc}slotless:operand:1",
        "BLPOP {a} ~{slotless-wait-7} 0", "WATCH ~{scan:1}", "EVAL return 1 ~{scan:1}",
        "RENAME {a} ~{scan:1}"}) {
    INFO(command);
    client.sends(command);
    client.receives(reserved);
  }
  client.sends({"GET ~{a}x", "SET {a} ~{scan:1}", "MSET ~1{a} ~{scan:1} ~1{a}b ~{slotless-wait-7}"});
  node(1).expects("GET ~{a}x").replies(bulk("1"));
  node(1).expects("SET {a} ~{scan:1}").replies(kOk);
  node(1).expects("MSET ~1{a} ~{scan:1} ~1{a}b ~{slotless-wait-7}").replies(kOk);
  client.receives(bulk("1") + "+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Databases, "what is watched is watched under its name in the cluster") {
  select(client, 2);
  client.sends("WATCH x");
  node(2).expects("WATCH ~2{b}x").replies(kOk);
  client.receives(kOk);
  client.sends({"MULTI", "SET y 1", "EXEC"});
  const Batch batch(node(2), {"SET ~2{b}y 1"});
  batch.replies("*-1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_CASE_METHOD(Databases, "MOVE copies a key with its time to live, and deletes what is still the same") {
  select(client, 1);
  client.sends({"MOVE k 2", "GET k"});
  const Received read = node(1).expectsAny();
  CHECK(read.words()[0] == "EVAL");
  CHECK(read.words()[3] == "~1{a}k");
  read.replies("*2\r\n" + bulk("VALUE") + ":5000\r\n");
  node(2).expects("RESTORE ~2{b}k 5000 VALUE").replies(kOk);
  const Received remove = node(1).expectsAny();
  CHECK(remove.words()[3] == "~1{a}k");
  CHECK(remove.words()[4] == "VALUE");
  remove.replies(":1\r\n");
  node(1).expects("GET ~1{a}k").replies("$-1\r\n");
  client.receives(":1\r\n$-1\r\n");
}

TEST_CASE_METHOD(Databases, "a key that changes while it is moved is copied again") {
  select(client, 1);
  client.sends("MOVE k 2");
  node(1).expectsAny().replies("*2\r\n" + bulk("OLD") + ":-1\r\n");
  node(2).expects("RESTORE ~2{b}k 0 OLD").replies(kOk);
  node(1).expectsAny().replies(":0\r\n");
  node(1).expectsAny().replies("*2\r\n" + bulk("NEW") + ":-1\r\n");
  node(2).expects("RESTORE ~2{b}k 0 NEW REPLACE").replies(kOk);
  node(1).expectsAny().replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Databases, "MOVE leaves alone what is not there, or is there already") {
  select(client, 1);
  client.sends("MOVE k 2");
  node(1).expectsAny().replies("*2\r\n$-1\r\n:-2\r\n");
  client.receives(":0\r\n");
  client.sends("MOVE k 2");
  node(1).expectsAny().replies("*2\r\n" + bulk("V") + ":-1\r\n");
  node(2).expects("RESTORE ~2{b}k 0 V").replies("-BUSYKEY Target key name already exists.\r\n");
  client.receives(":0\r\n");
  client.sends({"MOVE k 1", "MOVE k 99", "MOVE k 4"});
  client.receives(
      "-ERR source and destination objects are the same\r\n-ERR DB index is out of range\r\n"
      "-ERR SELECT is not allowed: database-layout denies database 4\r\n");
}

TEST_CASE_METHOD(Databases, "COPY goes to another database or slot in steps, within a slot at once") {
  select(client, 1);
  client.sends("COPY k l REPLACE DB 1");
  node(1).expects("COPY ~1{a}k ~1{a}l REPLACE").replies(":1\r\n");
  client.receives(":1\r\n");
  client.sends("COPY k b DB 0");
  node(1).expectsAny().replies("*2\r\n" + bulk("V") + ":-1\r\n");
  node(2).expects("RESTORE b 0 V").replies(kOk);
  client.receives(":1\r\n");
  other.sends("COPY a b");
  node(1).expectsAny().replies("*2\r\n" + bulk("V") + ":-1\r\n");
  node(2).expects("RESTORE b 0 V").replies(kOk);
  other.receives(":1\r\n");
}

TEST_CASE_METHOD(Databases, "a key is not moved in a transaction") {
  client.sends({"MULTI", "MOVE a 1", "EXEC"});
  const std::string error = "-ERR 'move' between two places cannot be part of a transaction\r\n";
  client.receives("+OK\r\n" + error + aborted(error));
}

TEST_CASE_METHOD(Databases, "INFO tells the keys of each database") {
  client.sends("INFO keyspace");
  const auto info = [](int all) {
    return "# Keyspace\r\ndb0:keys=" + std::to_string(all) + ",expires=1,avg_ttl=9\r\n";
  };
  // Databases 1 to 15 without 3 and 4 are pinned.
  const auto counts = [](std::string first) {
    for (int i = 0; i < 12; ++i) first += ":0\r\n";
    return first;
  };
  node(1).expectsAny().replies("*14\r\n" + bulk(info(7)) + counts(":5\r\n"));
  node(2).expectsAny().replies("*14\r\n" + bulk(info(3)) + counts(":0\r\n"));
  node(3).expectsAny().replies("*14\r\n" + bulk("# Keyspace\r\n") + counts(":0\r\n"));
  client.receives(bulk("# Keyspace\r\ndb0:keys=5,expires=0,avg_ttl=0\r\ndb1:keys=5,expires=0,avg_ttl=0\r\n"));
}

TEST_CASE_METHOD(Databases, "a request that has to wait is counted once for its database") {
  const auto count = [this] { return metrics().databaseRequests(0)->value(); };
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  CHECK(count() == 1);
  client.sends({"GET d", "PUBLISH a x"});
  const Received second = node(1).expects("GET d");
  first.replies(bulk("1"));
  second.replies(bulk("2"));
  client.receives(bulk("1") + bulk("2"));
  node(1).expects("PUBLISH a x").replies(":0\r\n");
  client.receives(":0\r\n");
  CHECK(count() == 3);
}

TEST_CASE_METHOD(Databases, "INFO tells nothing of databases that the nodes have themselves") {
  client.sends("INFO keyspace");
  std::string rest;
  for (int i = 0; i < 13; ++i) rest += i == 0 ? ":5\r\n" : ":0\r\n";
  for (std::size_t i = 1; i <= kNodes; ++i) {
    node(i).expectsAny().replies(
        i == 1
            ? "*14\r\n" +
                  bulk("# Keyspace\r\ndb0:keys=7,expires=0,avg_ttl=0\r\ndb1:keys=1,expires=0,avg_ttl=0\r\n") +
                  rest
            : "*0\r\n");
  }
  client.receives(bulk("# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0\r\ndb1:keys=5,expires=0,avg_ttl=0\r\n"));
}

namespace {
// Clients call database 1 their 0.
struct Mapped : Databases {
  Mapped() { config.databaseMap = "1"; }
};
}  // namespace

TEST_CASE_METHOD(Mapped, "with a map the client's database 0 is another one, and all that it sees") {
  client.sends({"SET b 1", "SELECT 0", "GET c", "SELECT 1"});
  node(1).expects("SET ~1{a}b 1").replies(kOk);
  node(1).expects("GET ~1{a}c").replies(bulk("x"));
  client.receives(std::string(kOk) + std::string(kOk) + bulk("x") + "-ERR DB index is out of range\r\n");
  client.sends("CLIENT INFO");
  CHECK(client.takes().find(" db=0 ") != std::string::npos);
  client.sends({"MULTI", "SELECT 0", "SET b 1", "EXEC"});
  const Batch batch(node(1), {"SET ~1{a}b 1"});
  batch.replies("*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n");
  client.sends({"COPY a b DB 1", "RESET", "GET b"});
  node(1).expects("GET ~1{a}b").replies(bulk("2"));
  client.receives("-ERR DB index is out of range\r\n+RESET\r\n" + bulk("2"));
}

TEST_CASE_METHOD(Mapped, "with a map no script selects a database: numbers are the client's own") {
  client.sends("EVAL return(redis.call('SELECT',1)) 0");
  const Received eval = node(1).expectsAny();
  CHECK(eval.words()[1].find("local own_numbers=true ") != std::string::npos);
  eval.replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Mapped, "with a map INFO and CONFIG GET tell of the databases that the client sees") {
  client.sends("INFO keyspace");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received asked = node(i).expectsAny();
    std::string reply =
        "*" + std::to_string(1 + 14) + "\r\n" + bulk("# Keyspace\r\ndb0:keys=9,expires=0,avg_ttl=0\r\n");
    for (int k = 0; k < 14; ++k) reply += k == 0 ? ":2\r\n" : ":0\r\n";
    asked.replies(reply);
  }
  client.receives(bulk("# Keyspace\r\ndb0:keys=6,expires=0,avg_ttl=0\r\n"));
  client.sends("CONFIG GET databases");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("CONFIG GET databases").replies("*2\r\n" + bulk("databases") + bulk("16"));
  client.receives("*2\r\n" + bulk("databases") + bulk("1"));
}

namespace {

// The request that some node has got, if there is one.
Received askedSomewhere(Stage& stage) {
  stage.settle();
  std::size_t asked = 1;
  while (asked < kNodes && stage.node(asked).unexpected() == 0) ++asked;
  return stage.node(asked).expectsAny();
}

std::string cursorIn(const std::string& page) {
  const std::size_t begin = page.find("\r\n", 4) + 2;
  return page.substr(begin, page.find("\r\n", begin) - begin);
}

}  // namespace

TEST_CASE_METHOD(Databases, "a node's cursor of 64 bits is kept in the cluster, and found there again") {
  const std::string longCursor = "9286422431637966426";
  for (const bool pinned : {false, true}) {
    INFO("pinned " << pinned);
    FakeClient& who = addClient();
    if (pinned) select(who, 1);
    const auto page = [&](const std::string& next, const std::string& expected) {
      if (pinned) {
        const Received asked = node(1).expectsAny();
        CHECK(asked.words()[6] == expected);
        return asked.replies("*3\r\n" + bulk(next) + bulk("77") + bulk("~1{a}x"));
      }
      const auto view = [&] { askedSomewhere(*this).replies("-NOPERM no\r\n"); };
      if (expected == "0") view();
      const Received asked = askedSomewhere(*this);
      CHECK(asked.words()[1] == expected);
      asked.replies("*2\r\n" + bulk(next) + "*0\r\n");
      view();
    };
    who.sends("SCAN 0");
    page(longCursor, "0");
    const Received left = askedSomewhere(*this);
    CHECK(left.words()[3].starts_with("~{scan:"));
    const std::string kept = left.words()[5];
    CHECK(kept.ends_with(" " + longCursor));
    left.replies(":1\r\n");
    const std::string number = cursorIn(who.takes());
    CHECK(std::stoull(number) < 1ULL << 53);
    who.sends("SCAN " + number);
    const Received looked = askedSomewhere(*this);
    CHECK(looked.words() == Words{"HGET", left.words()[3], left.words()[4]});
    looked.replies(bulk(kept));
    page("0", longCursor);
    settle();
    const std::string last = who.takes();
    if (pinned) CHECK(last == "*2\r\n" + bulk("0") + "*1\r\n" + bulk("x"));
    if (pinned) continue;
    // A note that has expired: from the beginning.
    who.sends("SCAN " + number);
    askedSomewhere(*this).replies("$-1\r\n");
    page("0", "0");
    CHECK(cursorIn(who.takes()) != "0");
  }
  client.sends("SELECT 1");
  client.receives(kOk);
  client.sends({"MULTI", "SCAN 0", "EXEC"});
  client.takes();
  settle();
  while (const auto next = node(1).next())
    next->replies(next->words()[0] == "EXEC" ? "*1\r\n*3\r\n" + bulk(longCursor) + bulk("77") + bulk("~1{a}x")
                  : next->words()[0] == "MULTI" ? "+OK\r\n"
                                                : "+QUEUED\r\n");
  CHECK(client.takes().find("too long to be passed on in a transaction") != std::string::npos);
}

}  // namespace slotless::test
