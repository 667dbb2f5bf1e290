// MSETEX: guarded where nodes carry it out for slots that are not theirs.
#include "batch.h"
#include "protocol/command_facts.h"
#include "protocol/command_table.h"

namespace slotless::test {

namespace {

constexpr std::string_view kMsetex =
    "msetex -4; write denyoom movablekeys; 0 0 0; @write @string @slow; request_policy:multi_shard "
    "response_policy:all_succeeded; OW update: index 1: keynum 0 1 2";

struct Guarded : Stage {
  explicit Guarded(bool unchecked = true) {
    using config::DatabaseLayout;
    config.databases = 2;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"}};
    std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
    facts.push_back(*protocol::parseFactLine(kMsetex));
    facts.back().slotUnchecked = unchecked;
    worker().setCommands(std::make_shared<const protocol::CommandTable>(std::move(facts)));
  }
};

struct Checked : Guarded {
  Checked() : Guarded(false) {}
};

}  // namespace

TEST_CASE_METHOD(Checked, "a command with counted keys and values is split where its options are known") {
  client.sends("MSETEX 3 a 1 b 2 c 3 EX 100");
  const Received a = node(1).expects("MSETEX 1 a 1 EX 100");
  node(2).expects("MSETEX 1 b 2 EX 100").replies(":1\r\n");
  node(3).expects("MSETEX 1 c 3 EX 100").replies(":1\r\n");
  client.receivesNothing();
  a.replies(":1\r\n");
  client.receives(":1\r\n");
  client.sends({"MSETEX 2 a 1 b 2 EX", "MSETEX 2 a 1 b 2 NX XX", "MSETEX 2 a 1 b 2 SOON"});
  client.receives(std::string(kCrossSlot) + std::string(kCrossSlot) + std::string(kCrossSlot));
  client.sends("MSETEX 2 a 1 {a}2 2 EX 100");
  node(1).expects("MSETEX 2 a 1 {a}2 2 EX 100").replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Checked, "conditions of counted keys are about all of them") {
  client.sends("MSETEX 2 a 1 b 2 XX KEEPTTL");
  node(1).expects("EXISTS a").replies(":1\r\n");
  node(2).expects("EXISTS b").replies(":0\r\n");
  client.receives(":0\r\n");
  client.sends("MSETEX 2 a 1 b 2 NX PX 5");
  node(1).expects("EXISTS a").replies(":0\r\n");
  node(2).expects("EXISTS b").replies(":0\r\n");
  node(2).expects("MSETEX 1 b 2 NX PX 5").replies(":1\r\n");
  node(1).expects("MSETEX 1 a 1 NX PX 5").replies(":0\r\n");
  node(2).expectsAny().replies(":1\r\n");
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Guarded, "each part of a guarded command over slots goes out behind its own EXISTS") {
  client.sends("MSETEX 3 a 1 b 2 {a}2 3");
  const Batch a(node(1), {"EXISTS a {a}2", "MSETEX 2 a 1 {a}2 3"});
  Batch(node(2), {"EXISTS b", "MSETEX 1 b 2"}).replies("*2\r\n:0\r\n:1\r\n");
  a.replies("*2\r\n:1\r\n:1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Checked, "while a slot moves it waits as it is") {
  client.sends("MSETEX 2 a 1 {a}2 2 EX 100");
  node(1).expects("MSETEX 2 a 1 {a}2 2 EX 100").replies(kTryAgain);
  clock.advance(200ms);
  node(1).expects("MSETEX 2 a 1 {a}2 2 EX 100").replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Guarded, "a guarded command goes out behind EXISTS, and its own reply comes back") {
  client.sends({"MSETEX 2 a 1 {a}2 2 EX 100", "GET a"});
  const Batch batch(node(1), {"EXISTS a {a}2", "MSETEX 2 a 1 {a}2 2 EX 100"});
  const Received get = node(1).expects("GET a");
  batch.replies("*2\r\n:1\r\n:0\r\n");
  get.replies(bulk("1"));
  client.receives(":0\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Guarded, "a guarded command that meets a wrong node goes on to the right one") {
  client.sends("MSETEX 1 a 1");
  Batch(node(1), {"EXISTS a", "MSETEX 1 a 1"})
      .connection()
      .push("+OK\r\n" + moved("a", 2) +
            "+QUEUED\r\n-EXECABORT Transaction discarded because of previous errors.\r\n");
  settle();
  Batch(node(2), {"EXISTS a", "MSETEX 1 a 1"}).replies("*2\r\n:0\r\n:1\r\n");
  client.receives(":1\r\n");
  CHECK(redirects(telemetry::Redirect::Moved) == 1);
}

TEST_CASE_METHOD(Guarded, "a guarded command asks where the slot is going to, and waits while it is torn") {
  client.sends("MSETEX 1 a 1");
  Batch(node(1), {"EXISTS a", "MSETEX 1 a 1"})
      .connection()
      .push("+OK\r\n" + ask("a", 2) +
            "+QUEUED\r\n-EXECABORT Transaction discarded because of previous errors.\r\n");
  settle();
  const Received asking = node(2).expects("ASKING");
  Batch(node(2), {"EXISTS a", "MSETEX 1 a 1"})
      .connection()
      .push("+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:0\r\n:1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Guarded, "errors of a guarded command are its own") {
  client.sends({"MSETEX 1 a 1", "MSETEX 1 a 1 XY"});
  const Batch first(node(1), {"EXISTS a", "MSETEX 1 a 1"});
  const Batch second(node(1), {"EXISTS a", "MSETEX 1 a 1 XY"});
  const std::string oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  first.connection().push("+OK\r\n+QUEUED\r\n" + oom +
                          "-EXECABORT Transaction discarded because of previous errors.\r\n");
  second.replies("*2\r\n:0\r\n-ERR syntax error\r\n");
  client.receives(oom + "-ERR syntax error\r\n");
}

TEST_CASE_METHOD(Guarded, "a guarded command whose connection breaks is ambiguous like any write") {
  client.sends("MSETEX 1 a 1");
  Batch(node(1), {"EXISTS a", "MSETEX 1 a 1"}).connection().reset();
  settle();
  client.receives(kAmbiguous);
}

TEST_CASE_METHOD(Guarded, "within a transaction the guard stands before the command, and nobody sees it") {
  client.sends({"MULTI", "SET a 0", "MSETEX 1 a 1", "GET a", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
  Batch(node(1), {"SET a 0", "EXISTS a", "MSETEX 1 a 1", "GET a"})
      .replies("*4\r\n+OK\r\n:1\r\n:1\r\n" + bulk("1"));
  client.receives("*3\r\n+OK\r\n:1\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Guarded, "the guard asks for the keys by their names in the cluster") {
  client.sends({"SELECT 1", "MSETEX 2 x 1 y 2"});
  Batch(node(1), {"EXISTS ~1{a}x ~1{a}y", "MSETEX 2 ~1{a}x 1 ~1{a}y 2"}).replies("*2\r\n:0\r\n:1\r\n");
  client.receives("+OK\r\n:1\r\n");
}

TEST_CASE_METHOD(Guarded, "within a watch it goes beside it, and the next command waits for it") {
  client.sends("WATCH a");
  const Received watch = node(1).expects("WATCH a");
  watch.replies(kOk);
  client.receives(kOk);
  client.sends({"GET a", "MSETEX 1 a 1", "GET a"});
  node(1).expects("GET a").replies(bulk("0"));
  const Batch batch(node(1), {"EXISTS a", "MSETEX 1 a 1"});
  CHECK(&batch.connection() != &watch.connection());
  node(1).expectsNothing();
  batch.replies("*2\r\n:1\r\n:1\r\n");
  const Received after = node(1).expects("GET a");
  CHECK(&after.connection() == &watch.connection());
  after.replies(bulk("1"));
  client.receives(bulk("0") + ":1\r\n" + bulk("1"));
  client.sends({"MULTI", "MSETEX 1 a 2", "EXEC"});
  const Batch exec(node(1), {"EXISTS a", "MSETEX 1 a 2"});
  CHECK(&exec.connection() == &watch.connection());
  exec.replies("*-1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_CASE_METHOD(Guarded, "within a watch, too, it is routed anew by a node that has the slot no more") {
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  client.sends("MSETEX 1 a 1");
  Batch(node(1), {"EXISTS a", "MSETEX 1 a 1"})
      .connection()
      .push("+OK\r\n" + moved("a", 2) +
            "+QUEUED\r\n-EXECABORT Transaction discarded because of previous errors.\r\n");
  settle();
  Batch(node(2), {"EXISTS a", "MSETEX 1 a 1"}).replies("*2\r\n:0\r\n:1\r\n");
  client.receives(":1\r\n");
  client.sends("UNWATCH");
  node(1).expects("UNWATCH").replies(kOk);
  client.receives(kOk);
}

}  // namespace slotless::test
