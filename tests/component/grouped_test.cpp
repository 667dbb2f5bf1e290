// Grouped databases: keys of a group are in one slot, groups in many, and no client sees how.
#include "batch.h"
#include "protocol/command_table.h"
#include "protocol/slot_tags.h"
#include "proxy/databases/script_names.h"

namespace slotless::test {

namespace {
constexpr std::string_view kPatterns = "q:*:|u/*";

// Database 2 is grouped: group a is on the first node, group b on the second one.
struct Grouped : Stage {
  Grouped() {
    using config::DatabaseLayout;
    config.databases = 16;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                             {2, 2, DatabaseLayout::Grouped, "", std::string(kPatterns)},
                             {3, 3, DatabaseLayout::Spread, ""}};
  }
  void select(FakeClient& who, int index = 2) {
    who.sends("SELECT " + std::to_string(index));
    who.receives(kOk);
  }
  // What the cluster calls a key of that group.
  static std::string in(std::string_view group, std::string_view key) {
    const auto slot = static_cast<protocol::Slot>(protocol::crc16(group) % protocol::kSlotCount);
    return "~2{" + std::string(protocol::SlotTags::get().of(slot)) + "}" + std::string(key);
  }
  static std::string a(std::string_view key) { return in("a", "q:a:" + std::string(key)); }
  static std::string b(std::string_view key) { return in("b", "q:b:" + std::string(key)); }
  static std::string wrapped(std::string_view script) {
    using databases::ScriptNames;
    return ScriptNames(*protocol::CommandTable::builtIn(), {}, ScriptNames::Keys::InGroups).wrap(script);
  }
};
}  // namespace

TEST_CASE_METHOD(Grouped, "a key goes where its group is, under a name that the client does not see") {
  select(client);
  client.sends({"SET q:a:x 1", "GET q:b:x", "GET u/a", "INCR {b}plain"});
  node(1).expects("SET " + a("x") + " 1").replies(kOk);
  node(2).expects("GET " + b("x")).replies(bulk("1"));
  node(1).expects("GET " + in("a", "u/a")).replies(bulk("2"));
  node(2).expects("INCR " + in("b", "{b}plain")).replies("-WRONGTYPE of " + in("b", "{b}plain") + "\r\n");
  client.receives(std::string(kOk) + bulk("1") + bulk("2") + "-WRONGTYPE of {b}plain\r\n");
}

TEST_CASE_METHOD(Grouped, "within a group all commands over several keys work, and names come back") {
  select(client);
  client.sends({"RENAME q:a:x q:a:y", "BLPOP q:a:x u/a 0", "SUNIONSTORE q:a:x q:a:y q:a:z"});
  node(1).expects("RENAME " + a("x") + " " + a("y")).replies(kOk);
  node(1)
      .expects("BLPOP " + a("x") + " " + in("a", "u/a") + " 0")
      .replies("*2\r\n" + bulk(in("a", "u/a")) + bulk("v"));
  node(1).expects("SUNIONSTORE " + a("x") + " " + a("y") + " " + a("z")).replies(":0\r\n");
  client.receives(std::string(kOk) + "*2\r\n" + bulk("u/a") + bulk("v") + ":0\r\n");
  client.sends("WATCH q:a:w");
  node(1).expects("WATCH " + a("w")).replies(kOk);
  client.receives(kOk);
  client.sends({"MULTI", "SET q:a:x 1", "LMOVE q:a:y q:a:z LEFT LEFT", "EXEC"});
  const Batch batch(node(1), {"SET " + a("x") + " 1", "LMOVE " + a("y") + " " + a("z") + " LEFT LEFT"});
  batch.replies("*2\r\n+OK\r\n$-1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$-1\r\n");
}

TEST_CASE_METHOD(Grouped, "over groups the rules of database 0 hold, and the refusal names the groups") {
  select(client);
  client.sends({"MGET q:a:x q:b:x", "DEL q:b:x q:a:x q:b:y"});
  node(1).expects("MGET " + a("x")).replies("*1\r\n" + bulk("1"));
  node(2).expects("MGET " + b("x")).replies("*1\r\n" + bulk("2"));
  node(2).expects("DEL " + b("x") + " " + b("y")).replies(":2\r\n");
  node(1).expects("DEL " + a("x")).replies(":1\r\n");
  client.receives("*2\r\n" + bulk("1") + bulk("2") + ":3\r\n");
  const std::string refusal =
      "-CROSSSLOT Keys in request don't hash to the same slot: groups 'a' and 'b' of database 2; a pinned "
      "database takes keys of several groups\r\n";
  for (const std::string_view command : {"EVAL return 2 q:a:x q:b:x", "EVAL_RO return 2 q:a:x u/b"}) {
    INFO(command);
    client.sends(command);
    client.receives(refusal);
  }
  client.sends({"MULTI", "SET q:a:x 1", "SET q:b:x 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n" + std::string(kOneSlot) + aborted(kOneSlot));
}

TEST_CASE_METHOD(Grouped, "COPY goes over groups step by step, and MOVE to another database") {
  select(client);
  client.sends("COPY q:a:x q:b:x");
  const Received copied = node(1).expectsAny();
  CHECK(copied.words()[3] == a("x"));
  copied.replies("*2\r\n" + bulk("VALUE") + ":-1\r\n");
  node(2).expects("RESTORE " + b("x") + " 0 VALUE").replies(kOk);
  client.receives(":1\r\n");
  client.sends("MOVE q:b:x 1");
  node(2).expectsAny().replies("*2\r\n" + bulk("VALUE") + ":-1\r\n");
  node(1).expects("RESTORE ~1{a}q:b:x 0 VALUE").replies(kOk);
  node(2).expectsAny().replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Grouped, "SORT looks up the keys that its patterns make, whatever group they are of") {
  select(client);
  client.sends("SORT q:a:ids BY q:*:weight GET q:*:name STORE q:b:sorted");
  node(1).expects("SORT " + a("ids") + " BY nosort").replies("*2\r\n" + bulk("a") + bulk("b"));
  node(1).expects("MGET " + a("weight")).replies("*1\r\n" + bulk("2"));
  node(2).expects("MGET " + b("weight")).replies("*1\r\n" + bulk("1"));
  node(2).expects("MGET " + b("name")).replies("*1\r\n" + bulk("Bea"));
  node(1).expects("MGET " + a("name")).replies("*1\r\n" + bulk("Al"));
  const Batch batch(node(2), {"DEL " + b("sorted"), "RPUSH " + b("sorted") + " Bea Al"});
  batch.replies("*2\r\n:0\r\n:2\r\n");
  client.receives(":2\r\n");
}

TEST_CASE_METHOD(Grouped, "the whole database is asked for on all masters") {
  select(client);
  client.sends("KEYS q:*");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received keys = node(i).expects("KEYS ~2{???}q:*");
    if (i == 1) keys.replies("*2\r\n" + bulk(a("x")) + bulk("~2{abcd}q:x"));
    if (i == 2) keys.replies("*2\r\n" + bulk(b("x")) + bulk("~2:q:x"));
    if (i == 3) keys.replies("*0\r\n");
  }
  client.receives("*2\r\n" + bulk("q:a:x") + bulk("q:b:x"));
  client.sends("FLUSHDB");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    const Received flush = node(i).expectsAny();
    CHECK(flush.words()[0] == "EVAL");
    CHECK(flush.words()[3] == "~2{???}");
    flush.replies("*5\r\n" + bulk("0") + bulk("0") + bulk("n") + ":1\r\n:0\r\n");
  }
  client.receives(kOk);
  client.sends("RANDOMKEY");
  node(1).expectsAny().replies("$-1\r\n");
  node(2).expectsAny().replies(bulk(b("x")));
  node(3).expectsAny().replies("$-1\r\n");
  client.receives(bulk("q:b:x"));
}

TEST_CASE_METHOD(Grouped, "a script is sent with its keys' routing key and the database's patterns") {
  select(client);
  client.sends({"EVAL return 2 q:a:x u/a v", "EVAL return 0 v"});
  const std::string tag = a("x").substr(3, protocol::kSlotTagSize);
  node(1)
      .expects("EVAL " + wrapped("return") + " 3 " + a("x") + " " + in("a", "u/a") + " ~{" + tag + "} v " +
               std::string(kPatterns) + " ~2{???}")
      .replies(":1\r\n");
  client.receives(":1\r\n");
  settle();
  std::size_t served = 0;  // no key: any master
  for (std::size_t i = 1; i <= kNodes && served == 0; ++i) {
    if (node(i).unexpected() == 0) continue;
    node(i)
        .expects("EVAL " + wrapped("return") + " 0 v " + std::string(kPatterns) + " ~2{???}")
        .replies(":2\r\n");
    served = i;
  }
  client.receives(":2\r\n");
}

TEST_CASE_METHOD(Grouped, "a script waits while the slot of its group is being moved") {
  select(client);
  client.sends("EVAL return 1 q:a:x");
  node(1).expectsAny().replies(ask("a", 2));
  settle();
  client.receivesNothing();
  giveSlot("a", 2);
  clock.advance(1s);
  node(2).expectsAny().replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Grouped, "PREFIX of CLIENT TRACKING is refused, since its keys do not begin alike") {
  select(client);
  client.sends("CLIENT TRACKING ON BCAST PREFIX q:");
  client.receives(
      "-ERR PREFIX is not possible in a grouped database, whose keys do not begin alike in the cluster: without "
      "it all keys are told of\r\n");
}

TEST_CASE_METHOD(Grouped, "PROXY EXPLAIN shows the group of each key and its slot") {
  select(client);
  client.sends("PROXY EXPLAIN LMOVE q:a:x q:b:x LEFT LEFT");
  const std::string text = client.takes();
  INFO(text);
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  CHECK(has("2 grouped prefix=~2{???} patterns=q:*:|u/*"));
  CHECK(has(a("x")));
  CHECK(has("a slot=15495"));
  CHECK(has("b slot=3300"));
  CHECK(has("over-slots:moved"));
}

TEST_CASE_METHOD(Grouped, "names of a grouped database are nobody else's") {
  client.sends("GET " + a("x"));
  client.receives("-ERR Keys that begin like '~1{' or '~1:' are reserved for other databases\r\n");
}

}  // namespace slotless::test
