// Commands over keys in several slots that are carried out all the same: with values that are brought from
// one slot to another, or step by step.
#include "batch.h"
#include "protocol/operand_names.h"

namespace slotless::test {

namespace {

constexpr std::string_view kCrossSlotInCrossSlot = "-CROSSSLOT Keys in request don't hash to the same slot";
constexpr std::string_view kNull = "$-1\r\n";

// At the owner of the slot of `key`.
std::string operand(std::string_view key, std::size_t number) {
  return protocol::operandName(protocol::slotOf(key), number);
}

struct CrossSlot : Stage {
  void dumps(std::size_t number, const std::string& key, std::string_view reply) {
    node(number).expects("DUMP " + key).replies(reply);
  }
  // The script that carries a command out: its keys and its arguments.
  Received expectsScript(std::size_t number, const std::vector<std::string>& behind) {
    Received script = node(number).expectsAny();
    const std::vector<std::string> words = script.words();
    REQUIRE(words.size() > 2);
    CHECK(words[0] == "EVAL");
    CHECK(std::vector<std::string>(words.begin() + 2, words.end()) == behind);
    return script;
  }
};
}  // namespace

TEST_CASE_METHOD(CrossSlot, "a command that reads is carried out where most of its keys are") {
  client.sends("SUNION b {a}1 {a}2");
  const Received dump = node(2).expects("DUMP b");
  node(1).expectsNothing();
  dump.replies(bulk("value"));
  const std::string name = operand("a", 0);
  Batch(node(1), {"RESTORE " + name + " 0 value REPLACE", "SUNION " + name + " {a}1 {a}2", "UNLINK " + name})
      .replies("*3\r\n+OK\r\n*1\r\n" + bulk("member") + ":1\r\n");
  client.receives("*1\r\n" + bulk("member"));
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(CrossSlot, "what does not exist does not travel, and nothing travels twice") {
  client.sends("SINTER a b c a");
  const Received b = node(2).expects("DUMP b");
  const Received c = node(3).expects("DUMP c");
  c.replies(bulk("C"));
  b.replies(kNull);
  const std::string name = operand("a", 1);
  Batch(node(1), {"RESTORE " + name + " 0 C REPLACE", "SINTER a " + operand("a", 0) + " " + name + " a",
                  "UNLINK " + name})
      .replies("*3\r\n+OK\r\n*0\r\n:1\r\n");
  client.receives("*0\r\n");
  client.sends("SINTER {a}1 {a}2 b b");
  dumps(2, "b", bulk("B"));
  const std::string once = operand("a", 0);
  Batch(node(1),
        {"RESTORE " + once + " 0 B REPLACE", "SINTER {a}1 {a}2 " + once + " " + once, "UNLINK " + once})
      .replies("*3\r\n+OK\r\n*0\r\n:1\r\n");
  client.receives("*0\r\n");
}

TEST_CASE_METHOD(CrossSlot, "a command that writes is a script where it writes") {
  client.sends("SUNIONSTORE a a b c");
  const Received b = node(2).expects("DUMP b");
  const Received c = node(3).expects("DUMP c");
  b.replies(bulk("B"));
  client.receivesNothing();
  c.replies(kNull);
  const std::string first = operand("a", 0);
  const std::string second = operand("a", 1);
  expectsScript(1, {"2", first, "a", "1", "B", "SUNIONSTORE", "a", "a", first, second}).replies(":3\r\n");
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(CrossSlot, "an error of any step is the answer") {
  client.sends("SUNIONSTORE a b c");
  dumps(2, "b", "-LOADINGX something\r\n");
  dumps(3, "c", kNull);
  client.receives("-LOADINGX something\r\n");
  client.sends("SUNIONSTORE a b c");
  dumps(2, "b", "-NOPERM User x has no permissions to run the 'dump' command\r\n");
  dumps(3, "c", kNull);
  CHECK(client.takes() == std::string(kCrossSlotInCrossSlot) + ", and the nodes deny DUMP to the proxy\r\n");
  client.sends("SDIFF {a}1 {a}2 b");
  dumps(2, "b", bulk("bad"));
  const std::string name = operand("a", 0);
  Batch(node(1), {"RESTORE " + name + " 0 bad REPLACE", "SDIFF {a}1 {a}2 " + name, "UNLINK " + name})
      .replies("*3\r\n-ERR Bad data format\r\n*0\r\n:0\r\n");
  client.receives("-ERR Bad data format\r\n");
  client.sends("SDIFF {a}1 {a}2 b");
  dumps(2, "b", kNull);
  Batch(node(1), {"SDIFF {a}1 {a}2 " + name})
      .replies("*1\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  client.receives("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
}

TEST_CASE_METHOD(CrossSlot, "more than cross-slot-max-bytes does not travel") {
  config.crossSlotMaxBytes = 10;
  client.sends({"SUNIONSTORE a b c", "PING"});
  dumps(2, "b", bulk("123456"));
  dumps(3, "c", bulk("12345"));
  CHECK(client.takes() == std::string(kCrossSlotInCrossSlot) +
                              ", and the values that would have to be brought there are larger than "
                              "cross-slot-max-bytes\r\n+PONG\r\n");
}

TEST_CASE_METHOD(CrossSlot, "what is read is repeated on a new connection, what is written is not") {
  client.sends("SUNIONSTORE a b");
  node(2).expects("DUMP b").connection().reset();
  settle();
  clock.advance(100ms);
  dumps(2, "b", bulk("B"));
  const Received script =
      expectsScript(1, {"2", operand("a", 0), "a", "1", "B", "SUNIONSTORE", "a", operand("a", 0)});
  script.connection().reset();
  settle();
  CHECK(client.takes().starts_with("-AMBIGUOUS "));
}

TEST_CASE_METHOD(CrossSlot, "a slot that has moved meanwhile is followed") {
  client.sends("SUNIONSTORE a b");
  dumps(2, "b", bulk("B"));
  const std::vector<std::string> script = {"2", operand("a", 0), "a", "1",
                                           "B", "SUNIONSTORE",   "a", operand("a", 0)};
  expectsScript(1, script).replies("-MOVED 15495 10.0.0.1:7003\r\n");
  expectsScript(3, script).replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(CrossSlot, "a transaction over slots gives CROSSSLOT, and so does a script") {
  client.sends({"PFMERGE a", "MULTI", "SUNION a b", "DISCARD", "EVAL x 2 a b"});
  node(1).expects("PFMERGE a").replies(kOk);
  const std::string replies = client.takes();
  CHECK(replies.starts_with(std::string(kOk) + std::string(kOk) + std::string(kCrossSlotInCrossSlot)));
  CHECK(replies.find("+OK\r\n" + std::string(kCrossSlotInCrossSlot)) != std::string::npos);
}

TEST_CASE_METHOD(CrossSlot, "values do not come from replicas where something is written") {
  config.readFrom = config::ReadFrom::Replica;
  addReplica(4, 2);
  client.sends("SUNIONSTORE a b");
  dumps(2, "b", kNull);
  expectsScript(1, {"1", "a", "0", "SUNIONSTORE", "a", operand("a", 0)}).replies(":0\r\n");
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(CrossSlot, "RENAME into another slot copies, and deletes what has been copied") {
  for (const auto& [command, reply] : {std::pair("RENAME", "+OK\r\n"), std::pair("RENAMENX", ":1\r\n")}) {
    client.sends(std::string(command) + " a b");
    node(1).expectsAny().replies("*2\r\n" + bulk("value") + ":5000\r\n");
    const bool replaces = std::string_view(command) == "RENAME";
    node(2).expects(std::string("RESTORE b 5000 value") + (replaces ? " REPLACE" : "")).replies(kOk);
    node(1).expectsAny().replies(":1\r\n");
    client.receives(reply);
  }
}

TEST_CASE_METHOD(CrossSlot, "a transaction of the proxy's own does not end the client's watch") {
  client.sends("WATCH a");
  const Received watch = node(1).expects("WATCH a");
  watch.replies(kOk);
  client.receives(kOk);
  client.sends({"SUNION {a}1 {a}2 b", "GET a"});
  dumps(2, "b", bulk("B"));
  const std::string name = operand("a", 0);
  const Batch union_(node(1),
                     {"RESTORE " + name + " 0 B REPLACE", "SUNION {a}1 {a}2 " + name, "UNLINK " + name});
  CHECK(&union_.connection() != &watch.connection());
  union_.replies("*3\r\n+OK\r\n*0\r\n:1\r\n");
  client.receives("*0\r\n");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == &watch.connection());
  get.replies(bulk("v"));
  client.receives(bulk("v"));
  client.sends({"MULTI", "SET a 1", "EXEC"});
  const Batch batch(node(1), {"SET a 1"});
  CHECK(&batch.connection() == &watch.connection());
  batch.replies("*-1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_CASE_METHOD(CrossSlot, "what is carried out in stages comes to its end when its client has left") {
  client.sends("RENAME a b");
  const Received read = node(1).expectsAny();
  client.resets();
  settle();
  read.replies("*2\r\n" + bulk("value") + ":5000\r\n");
  const Received restore = node(2).expects("RESTORE b 5000 value REPLACE");
  // Also past a node that moves its slot meanwhile.
  restore.replies("-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
  clock.advance(1s);
  node(2).expects("RESTORE b 5000 value REPLACE").replies(kOk);
  node(1).expectsAny().replies(":1\r\n");
  CHECK(worker().requestsInUse() == 0);
  CHECK(control.clientsGone == 1);
}

TEST_CASE_METHOD(CrossSlot, "all groups of a transaction are carried out when its client has left") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  client.sends({"MULTI", "SET a 1", "SET b 2", "EXEC"});
  const Batch first(node(1), {"SET a 1"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  client.resets();
  settle();
  CHECK(control.clientsGone == 0);
  first.replies("*1\r\n+OK\r\n");
  const Batch second(node(2), {"SET b 2"});
  second.replies("*1\r\n+OK\r\n");
  CHECK(worker().requestsInUse() == 0);
  CHECK(control.clientsGone == 1);
}

TEST_CASE_METHOD(CrossSlot, "what is only read in stages ends with its client") {
  client.sends("SINTER a b");
  const Received dump = node(2).expects("DUMP b");
  client.resets();
  dump.replies(bulk("B"));
  node(1).expectsNothing();
  CHECK(worker().requestsInUse() == 0);
  CHECK(control.clientsGone == 1);
}

TEST_CASE_METHOD(CrossSlot, "a key that is renamed expires when it would have") {
  client.sends("RENAME a b");
  node(1).expectsAny().replies("*3\r\n" + bulk("value") + ":5000\r\n:1700000005000\r\n");
  node(2).expects("RESTORE b 1700000005000 value ABSTTL REPLACE").replies(kOk);
  node(1).expectsAny().replies(":1\r\n");
  client.receives(kOk);
  client.sends("RENAME a b");
  node(1).expectsAny().replies("*3\r\n" + bulk("value") + ":-1\r\n:-1\r\n");
  node(2).expects("RESTORE b 0 value REPLACE").replies(kOk);
  node(1).expectsAny().replies(":1\r\n");
  client.receives(kOk);
}

TEST_CASE_METHOD(CrossSlot, "RENAME tells what one Redis tells of keys that are missing or there") {
  client.sends("RENAME a b");
  node(1).expectsAny().replies("*2\r\n" + std::string(kNull) + ":-2\r\n");
  client.receives("-ERR no such key\r\n");
  client.sends("RENAMENX a b");
  node(1).expectsAny().replies("*2\r\n" + bulk("value") + ":-1\r\n");
  node(2).expects("RESTORE b 0 value").replies("-BUSYKEY Target key name already exists.\r\n");
  client.receives(":0\r\n");
  client.sends("RENAME {a}1 {a}2");
  node(1).expects("RENAME {a}1 {a}2").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(CrossSlot, "a key that somebody else takes away while it is renamed is not doubled") {
  struct Case {
    std::string_view command;
    std::string_view undone;  // "": it is left as it is
    std::string_view reply;
  };
  for (const Case& each : {Case{"RENAMENX", ":1\r\n", "-ERR no such key\r\n"},
                           // Somebody has changed the copy already.
                           Case{"RENAMENX", ":0\r\n", ":1\r\n"}, Case{"RENAMENX", "-ERR x\r\n", "-ERR x\r\n"},
                           Case{"RENAME", "", "+OK\r\n"}}) {
    client.sends(std::string(each.command) + " a b");
    node(1).expectsAny().replies("*2\r\n" + bulk("value") + ":-1\r\n");
    node(2).expectsAny().replies(kOk);
    node(1).expectsAny().replies(":0\r\n");
    node(1).expectsAny().replies("*2\r\n" + std::string(kNull) + ":-2\r\n");
    if (!each.undone.empty()) {
      const Received undo = node(2).expectsAny();
      const auto words = undo.words();
      CHECK(std::vector<std::string>(words.begin() + 2, words.end()) ==
            std::vector<std::string>{"1", "b", "value"});
      undo.replies(each.undone);
    }
    client.receives(each.reply);
  }
}

TEST_CASE_METHOD(CrossSlot, "of two that rename the same key one begins when the other one is over") {
  client.sends("RENAME a b");
  node(1).expectsAny().replies("*2\r\n" + bulk("value") + ":-1\r\n");
  const Received stored = node(2).expectsAny();
  const auto waits = [&](FakeClient& who, std::string_view command, std::size_t number) {
    who.sends(command);
    // What it asks first is thrown away.
    node(number).expectsAny().replies("*2\r\n" + bulk("old") + ":-1\r\n");
    clock.advance(100ms);
    for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
    who.receivesNothing();
  };
  FakeClient& third = addClient();
  waits(third, "RENAME a c", 1);
  third.resets();
  stored.replies(kOk);
  const Received taken = node(1).expectsAny();
  waits(other, "RENAMENX b c", 2);  // the other one's destination
  taken.replies(":1\r\n");
  client.receives(kOk);
  // The one that has left has asked before the other one.
  clock.advance(50ms);
  node(1).expectsAny().replies("*2\r\n" + std::string(kNull) + ":-2\r\n");
  clock.advance(50ms);
  node(2).expectsAny().replies("*2\r\n" + bulk("value") + ":-1\r\n");
  node(3).expects("RESTORE c 0 value").replies(kOk);
  node(2).expectsAny().replies(":1\r\n");
  other.receives(":1\r\n");
}

TEST_CASE_METHOD(CrossSlot, "who waits for another one's rename goes on after hold-timeout all the same") {
  config.holdTimeout = 1s;
  client.sends("RENAME a b");
  node(1).expectsAny().replies("*2\r\n" + bulk("value") + ":-1\r\n");
  const Received stored = node(2).expectsAny();
  other.sends("RENAMENX a c");
  node(1).expectsAny().replies("*2\r\n" + bulk("value") + ":-1\r\n");
  clock.advance(1100ms);
  node(1).expectsAny().replies("*2\r\n" + std::string(kNull) + ":-2\r\n");
  other.receives("-ERR no such key\r\n");
  stored.replies(kOk);
  node(1).expectsAny().replies(":1\r\n");
  client.receives(kOk);
}

TEST_CASE_METHOD(CrossSlot, "LMPOP asks one slot after the other until one has something") {
  client.sends("LMPOP 4 {a}1 {a}2 b c LEFT COUNT 2");
  node(1).expects("LMPOP 2 {a}1 {a}2 LEFT COUNT 2").replies("*-1\r\n");
  node(2).expects("LMPOP 1 b LEFT COUNT 2").replies("*2\r\n" + bulk("b") + "*1\r\n" + bulk("x"));
  node(3).expectsNothing();
  client.receives("*2\r\n" + bulk("b") + "*1\r\n" + bulk("x"));
  client.sends("ZMPOP 2 a b MIN");
  node(1).expects("ZMPOP 1 a MIN").replies("*-1\r\n");
  node(2).expects("ZMPOP 1 b MIN").replies("*-1\r\n");
  client.receives("*-1\r\n");
  client.sends("LMPOP 2 a b LEFT");
  node(1).expects("LMPOP 1 a LEFT").replies("-WRONGTYPE no list\r\n");
  client.receives("-WRONGTYPE no list\r\n");
}

TEST_CASE_METHOD(CrossSlot, "SMOVE adds, then removes, and takes back what was moved by somebody else") {
  client.sends("SMOVE a b m");
  node(1).expects("SISMEMBER a m").replies(":1\r\n");
  node(2).expects("TYPE b").replies("+none\r\n");
  node(2).expects("SADD b m").replies(":1\r\n");
  node(1).expects("SREM a m").replies(":1\r\n");
  client.receives(":1\r\n");
  client.sends("SMOVE a b m");
  node(1).expects("SISMEMBER a m").replies(":1\r\n");
  node(2).expects("TYPE b").replies("+set\r\n");
  node(2).expects("SADD b m").replies(":1\r\n");
  node(1).expects("SREM a m").replies(":0\r\n");
  node(2).expects("SREM b m").replies(":1\r\n");
  client.receives(":0\r\n");
  client.sends("SMOVE a b m");
  node(1).expects("SISMEMBER a m").replies(":0\r\n");
  node(2).expects("TYPE b").replies("+string\r\n");
  node(1).expects("EXISTS a").replies(":0\r\n");
  client.receives(":0\r\n");
  client.sends("SMOVE a b m");
  node(1).expects("SISMEMBER a m").replies(":0\r\n");
  node(2).expects("TYPE b").replies("+string\r\n");
  node(1).expects("EXISTS a").replies(":1\r\n");
  client.receives("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  client.sends("SMOVE a b m");
  node(1).expects("SISMEMBER a m").replies(":1\r\n");
  node(2).expects("TYPE b").replies("+string\r\n");
  client.receives("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
}

TEST_CASE_METHOD(CrossSlot, "MULTI over several slots is one group for each, one after the other") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  client.sends({"MULTI", "SET a 1", "SET b 2", "ECHO x", "GET {a}2", "EXEC", "GET c"});
  const Batch first(node(1), {"SET a 1", "GET {a}2"});
  node(2).expectsNothing();
  node(3).expectsNothing();
  first.replies("*2\r\n+OK\r\n" + bulk("v"));
  const Batch second(node(2), {"SET b 2"});
  node(3).expectsNothing();
  second.replies("*1\r\n+OK\r\n");
  const std::string queued = "+QUEUED\r\n";
  client.receives(std::string(kOk) + queued + queued + queued + queued + "*4\r\n+OK\r\n+OK\r\n" + bulk("x") +
                  bulk("v"));
  node(3).expects("GET c").replies(std::string(kNull));
  client.receives(kNull);
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(CrossSlot, "a group that its node refuses leaves the others as they are") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  client.sends({"MULTI", "SET a 1", "SET b 2", "EXEC"});
  Batch(node(1), {"SET a 1"}).isAborted("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  Batch(node(2), {"SET b 2"}).replies("*1\r\n+OK\r\n");
  const std::string reply = client.takes();
  CHECK(reply.starts_with(std::string(kOk) + "+QUEUED\r\n+QUEUED\r\n*2\r\n-EXECABORT "));
  CHECK(reply.ends_with("\r\n+OK\r\n"));
}

TEST_CASE_METHOD(CrossSlot,
                 "nothing is carried out in groups if one command was refused, or something is watched") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  client.sends({"MULTI", "SET a 1", "SET b", "SET c 1", "EXEC"});
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
  CHECK(client.takes().find("-EXECABORT ") != std::string::npos);
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  client.sends({"MULTI", "SET a 1", "SET b 2", "EXEC"});
  CHECK(client.takes().find(kCrossSlotInCrossSlot) != std::string::npos);
}

TEST_CASE_METHOD(CrossSlot, "a group follows its slot, and one that is lost is told of") {
  config.crossSlotTransactions = config::CrossSlotTransactions::Each;
  client.sends({"MULTI", "SET a 1", "SET b 2", "EXEC"});
  Batch(node(1), {"SET a 1"}).isAborted("-MOVED 15495 10.0.0.1:7003\r\n");
  Batch(node(3), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  Batch(node(2), {"SET b 2"}).connection().reset();
  settle();
  const std::string reply = client.takes();
  CHECK(reply.find("*2\r\n+OK\r\n-AMBIGUOUS ") != std::string::npos);
}

}  // namespace slotless::test
