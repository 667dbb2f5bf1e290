// Commands that block: on leases, with exact timeouts, and blocked again where the server gave up for them.
#include "stage.h"

namespace slotless::test {

namespace {
constexpr std::string_view kForced =
    "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n";
const std::string kPopped = "*2\r\n" + bulk("a") + bulk("x");

struct Blocking : Stage {
  std::int64_t blocked() { return metrics().blockedClients.value(); }
  std::int64_t leases() { return metrics().blockingLeases.value(); }
  // A lease to node 1 that is idle: what blocks next goes out as it came.
  void warmUp() {
    other.sends("BLPOP a 0");
    node(1).expects("BLPOP a 0").replies(kPopped);
    other.receives(kPopped);
  }
};
}  // namespace

TEST_CASE_METHOD(Blocking, "a command that blocks goes by a lease, and does not hold up other clients") {
  settle();
  FakeConnection& link = node(1).connection();
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  CHECK(&pop.connection() != &link);
  CHECK(blocked() == 1);
  CHECK(leases() == 1);
  other.sends({"GET a", "RPUSH a x"});
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == &link);
  get.replies(bulk("0"));
  node(1).expects("RPUSH a x").replies(":1\r\n");
  other.receives(bulk("0") + ":1\r\n");
  client.receivesNothing();
  pop.replies(kPopped);
  client.receives(kPopped);
  CHECK(blocked() == 0);
  CHECK(leases() == 0);
}

TEST_CASE("every command that blocks takes a lease") {
  for (const std::string_view command :
       {"BLPOP a 0", "BRPOP a 0", "BRPOPLPUSH a {a}b 0", "BLMOVE a {a}b LEFT RIGHT 0", "BLMPOP 0 1 a LEFT",
        "BZPOPMIN a 0", "BZPOPMAX a 0", "BZMPOP 0 1 a MIN", "XREAD BLOCK 0 STREAMS a $",
        "XREADGROUP GROUP g c BLOCK 0 STREAMS a >"}) {
    INFO(command);
    Blocking stage;
    stage.client.sends(command);
    const Received received = stage.node(1).expects(command);
    CHECK(stage.blocked() == 1);
    CHECK(stage.leases() == 1);
    received.replies(kNil);
    stage.client.receives(kNil);
    CHECK(stage.blocked() == 0);
  }
}

TEST_CASE_METHOD(Blocking, "XREAD without BLOCK needs no lease") {
  client.sends("XREAD STREAMS a 0");
  node(1).expects("XREAD STREAMS a 0").replies(kNil);
  client.receives(kNil);
  CHECK(metrics().blockingLeases.value() == 0);
  CHECK(node(1).connects() == 1);
}

TEST_CASE_METHOD(Blocking, "it waits for all earlier replies, and what comes after it waits for its own") {
  client.sends({"RPUSH b 1", "BLPOP a 0", "GET a"});
  const Received push = node(2).expects("RPUSH b 1");
  node(1).expectsNothing();
  push.replies(":1\r\n");
  client.receives(":1\r\n");
  const Received pop = node(1).expects("BLPOP a 0");
  node(1).expectsNothing();
  pop.replies(kPopped);
  const Received get = node(1).expects("GET a");
  client.receives(kPopped);
  get.replies(bulk("0"));
  client.receives(bulk("0"));
}

TEST_CASE_METHOD(Blocking, "leases are used again") {
  client.sends({"BLPOP a 0", "BLPOP a 0"});
  const Received first = node(1).expects("BLPOP a 0");
  first.replies(kPopped);
  const Received second = node(1).expects("BLPOP a 0");
  CHECK(&second.connection() == &first.connection());
  second.replies(kPopped);
  client.receives(kPopped + kPopped);
  other.sends("BLPOP d 0");
  const Received third = node(1).expects("BLPOP d 0");
  CHECK(&third.connection() == &first.connection());
  third.replies(kNil);
  other.receives(kNil);
  CHECK(node(1).connects() == 2);
}

TEST_CASE_METHOD(Blocking, "an idle lease that says something is closed") {
  warmUp();
  FakeConnection& lease = node(1).connection();
  lease.push("+SURPRISE\r\n");
  settle();
  CHECK(lease.closed());
  client.sends("BLPOP a 0");
  node(1).expects("BLPOP a 0").replies(kPopped);
  client.receives(kPopped);
}

TEST_CASE_METHOD(Blocking, "wrong timeouts and missing arguments are errors at once") {
  client.sends("BLPOP a");
  client.receives("-ERR wrong number of arguments for 'blpop' command\r\n");
  client.sends("BLPOP a soon");
  node(1).expects("BLPOP a soon").replies("-ERR timeout is not a float or out of range\r\n");
  client.receives("-ERR timeout is not a float or out of range\r\n");
  CHECK(blocked() == 0);
}

TEST_CASE_METHOD(Blocking, "the timeout goes to the node as it is when there is nothing to wait for") {
  warmUp();
  client.sends("BLPOP a 7");
  node(1).expects("BLPOP a 7").replies(kNil);
  client.receives(kNil);
}

TEST_CASE_METHOD(Blocking, "the time spent waiting for a lease counts") {
  config.leaseMaxBlocking = 1;
  other.sends("BLPOP a 0");
  const Received first = node(1).expects("BLPOP a 0");
  client.sends("BLPOP d 5");
  clock.advance(3s);
  node(1).expectsNothing();
  CHECK(blocked() == 2);
  first.replies(kPopped);
  other.receives(kPopped);
  clock.advance(500ms);
  REQUIRE(node(1).unexpected() == 1);
  const Received pop = node(1).expects("BLPOP d 1.950");
  pop.replies(kNil);
  client.receives(kNil);
}

TEST_CASE_METHOD(Blocking,
                 "a command whose time passes while it waits for a lease gets the nil of its timeout") {
  config.leaseMaxBlocking = 1;
  other.sends("BLPOP a 0");
  const Received first = node(1).expects("BLPOP a 0");
  client.sends("BLPOP d 5");
  clock.advance(4900ms);
  client.receivesNothing();
  clock.advance(300ms);
  client.receives(kNil);
  CHECK(blocked() == 1);
  first.replies(kPopped);
  other.receives(kPopped);
  clock.advance(1s);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Blocking, "blocked clients do not use up the transactions' budget") {
  config.leaseMaxBlocking = 1;
  config.leaseMaxTransactions = 1;
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  other.sends("WATCH a");
  node(1).expects("WATCH a").replies("+OK\r\n");
  other.receives("+OK\r\n");
  pop.replies(kNil);
  client.receives(kNil);
}

TEST_CASE_METHOD(Blocking, "a node that becomes a replica unblocks it; it blocks again for the time left") {
  warmUp();
  client.sends("BLPOP a 60");
  const Received pop = node(1).expects("BLPOP a 60");
  clock.advance(20s);
  giveSlot("a", 2);
  pop.replies(kForced);
  client.receivesNothing();
  clock.advance(100ms);
  const Received again = node(2).expects("BLPOP a 39.950");
  CHECK(blocked() == 1);
  CHECK(leases() == 1);
  again.replies(kPopped);
  client.receives(kPopped);
}

TEST_CASE_METHOD(Blocking, "time spent blocked does not count as time without a node") {
  client.sends("BLPOP a 0");  // its lease has to be made first
  const Received pop = node(1).expects("BLPOP a 0");
  clock.advance(10min);
  pop.replies(kForced);
  clock.advance(5s);
  client.receivesNothing();
  const Received again = node(1).expects("BLPOP a 0");
  again.replies(kPopped);
  client.receives(kPopped);
}

TEST_CASE_METHOD(Blocking, "a slot that moves while it is blocked takes it along") {
  warmUp();
  client.sends("BLPOP a 60");
  const Received pop = node(1).expects("BLPOP a 60");
  clock.advance(20s);
  pop.replies(moved("a", 2));
  const Received again = node(2).expects("BLPOP a 40.000");
  CHECK(leases() == 1);
  again.replies(kPopped);
  client.receives(kPopped);
}

TEST_CASE_METHOD(Blocking, "when the cluster is down it waits, and then blocks for the time left") {
  warmUp();
  client.sends("BLPOP a 60");
  const Received pop = node(1).expects("BLPOP a 60");
  clock.advance(20s);
  pop.replies("-CLUSTERDOWN The cluster is down\r\n");
  clock.advance(100ms);
  node(1).expects("BLPOP a 39.950").replies(kPopped);
  client.receives(kPopped);
}

TEST_CASE_METHOD(Blocking, "what blocks for ever blocks again for ever") {
  warmUp();
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  pop.replies(moved("a", 2));
  node(2).expects("BLPOP a 0").replies(kPopped);
  client.receives(kPopped);
}

TEST_CASE_METHOD(Blocking, "what CLIENT UNBLOCK says is the client's") {
  client.sends("BLPOP a 0");
  const std::string_view text = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
  node(1).expects("BLPOP a 0").replies(text);
  client.receives(text);
  CHECK(blocked() == 0);
}

TEST_CASE("streams are read again, and go on being waited for, after a failover") {
  for (const std::string_view command :
       {"XREAD BLOCK 0 STREAMS a $", "XREADGROUP GROUP g c BLOCK 0 STREAMS a >"}) {
    INFO(command);
    Blocking stage;
    stage.client.sends(command);
    stage.node(1).expects(command).replies(kForced);
    stage.clock.advance(200ms);
    stage.client.receivesNothing();
    stage.node(1).expects(command).replies(kNil);
    stage.client.receives(kNil);
  }
}

TEST_CASE_METHOD(Blocking, "a pop whose link was lost is ambiguous: an element may have gone") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  pop.connection().reset();
  client.receives(kAmbiguous);
  CHECK(blocked() == 0);
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Blocking, "XREAD is repeated when its link was lost, for the time left") {
  warmUp();
  client.sends("XREAD BLOCK 60000 STREAMS a 5-0");
  const Received read = node(1).expects("XREAD BLOCK 60000 STREAMS a 5-0");
  clock.advance(20s);
  read.connection().reset();
  settle();
  clock.advance(200ms);
  client.receivesNothing();
  REQUIRE(node(1).unexpected() == 1);
  node(1).expects("XREAD BLOCK 40000 STREAMS a 5-0").replies(kNil);
  client.receives(kNil);
}

TEST_CASE("where a lost element matters less than an error, a pop whose link was lost blocks again") {
  for (const bool group : {false, true}) {
    CAPTURE(group);
    Blocking stage;
    stage.config.blockingOnLostLink = config::BlockingOnLostLink::Reblock;
    const std::string command = group ? "XREADGROUP GROUP g c BLOCK 0 STREAMS a >" : "BLPOP a 0";
    stage.client.sends(command);
    stage.node(1).expects(command).connection().reset();
    stage.settle();
    stage.clock.advance(200ms);
    stage.client.receivesNothing();
    stage.node(1).expects(command).replies(kNil);
    stage.client.receives(kNil);
  }
}

TEST_CASE_METHOD(Blocking, "XREADGROUP is not: a message may have been delivered") {
  client.sends("XREADGROUP GROUP g c BLOCK 0 STREAMS a >");
  const Received read = node(1).expects("XREADGROUP GROUP g c BLOCK 0 STREAMS a >");
  read.connection().reset();
  client.receives(kAmbiguous);
}

TEST_CASE("a blocked client that leaves closes its lease, and nothing of it is left") {
  for (const bool inOrder : {true, false}) {
    Blocking stage;
    stage.client.sends("BLPOP a 0");
    const Received pop = stage.node(1).expects("BLPOP a 0");
    if (inOrder) {
      stage.client.leaves();
    } else {
      stage.client.resets();
    }
    CHECK(stage.client.isClosed());
    CHECK(pop.connection().closed());
    CHECK(stage.blocked() == 0);
    CHECK(stage.leases() == 0);
  }
}

TEST_CASE_METHOD(Blocking, "a client that leaves while it waits for a lease does not get one any more") {
  config.leaseMaxBlocking = 1;
  other.sends("BLPOP a 0");
  const Received first = node(1).expects("BLPOP a 0");
  client.sends("BLPOP d 0");
  clock.advance(1s);
  client.leaves();
  CHECK(client.isClosed());
  CHECK(blocked() == 1);
  first.replies(kPopped);
  other.receives(kPopped);
  clock.advance(1s);
  node(1).expectsNothing();
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Blocking, "a blocked client that has sent more is noticed when it leaves") {
  client.sends({"BLPOP a 0", "GET a", "GET d"});
  const Received pop = node(1).expects("BLPOP a 0");
  client.sends("GET e");
  client.leaves();
  CHECK(client.isClosed());
  CHECK(pop.connection().closed());
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Blocking, "what a blocked client sends meanwhile is carried out afterwards, in order") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  client.sendsBytes(request("GET a") + request("GET d").substr(0, 9));
  client.sendsBytes(request("GET d").substr(9) + request("GET e"));
  node(1).expectsNothing();
  pop.replies(kPopped);
  node(1).expects("GET a").replies(bulk("1"));
  node(1).expects("GET d").replies(bulk("2"));
  node(1).expects("GET e").replies(bulk("3"));
  client.receives(kPopped + bulk("1") + bulk("2") + bulk("3"));
}

TEST_CASE_METHOD(Blocking, "a client that watches keys may block as well") {
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies("+OK\r\n");
  client.sends("BLPOP d 0");
  node(1).expects("BLPOP d 0").replies(kNil);
  client.receives("+OK\r\n" + std::string(kNil));
  CHECK(metrics().transactionLeases.value() == 1);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n");
  node(1).expects("MULTI");
  node(1).expects("SET a 1");
  node(1).expects("EXEC").replies("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

}  // namespace slotless::test
