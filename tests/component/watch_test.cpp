// WATCH: a lease of the client's own until EXEC, DISCARD or UNWATCH.
#include "batch.h"

namespace slotless::test {

namespace {

struct Watching : Stage {
  FakeConnection& shared(std::size_t number) {
    settle();
    return node(number).connection();
  }
  // WATCH a, answered; the lease's connection.
  FakeConnection& watch() {
    client.sends("WATCH a");
    const Received watch = node(1).expects("WATCH a");
    watch.replies(kOk);
    client.receives(kOk);
    return watch.connection();
  }
  void queueSet() {
    client.sends({"MULTI", "SET a 1"});
    client.receives("+OK\r\n+QUEUED\r\n");
  }
  void queueSetAfter(std::string_view earlier) {
    client.sends({"MULTI", "SET a 1"});
    client.receives(std::string(earlier) + "+OK\r\n+QUEUED\r\n");
  }
  std::int64_t leases() { return metrics().transactionLeases.value(); }
};
}  // namespace

TEST_CASE_METHOD(Watching, "a watched transaction goes by a lease, which is given back clean") {
  FakeConnection& link = shared(1);
  FakeConnection& lease = watch();
  CHECK(&lease != &link);
  CHECK(leases() == 1);
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == &lease);
  get.replies(bulk("0"));
  client.receives(bulk("0"));
  queueSet();
  client.sends("EXEC");
  const Batch batch(node(1), {"SET a 1"});
  CHECK(&batch.connection() == &lease);
  batch.replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
  CHECK(leases() == 0);
  CHECK_FALSE(lease.closed());
  other.sends("WATCH a");
  const Received again = node(1).expects("WATCH a");
  CHECK(&again.connection() == &lease);
  again.replies(kOk);
  other.receives(kOk);
}

TEST_CASE_METHOD(Watching, "nothing goes out on the lease before all earlier replies are in") {
  client.sends({"SET a 0", "GET b", "WATCH a", "GET a"});
  const Received set = node(1).expects("SET a 0");
  const Received getB = node(2).expects("GET b");
  set.replies(kOk);
  node(1).expectsNothing();
  getB.replies(bulk("b"));
  client.receives("+OK\r\n" + bulk("b"));
  const Received watch = node(1).expects("WATCH a");
  node(1).expectsNothing();
  watch.replies(kOk);
  node(1).expects("GET a").replies(bulk("0"));
  client.receives("+OK\r\n" + bulk("0"));
}

TEST_CASE_METHOD(Watching, "nothing goes out on the shared link before the lease's last reply is in") {
  FakeConnection& link = shared(1);
  watch();
  client.sends({"MULTI", "SET a 1", "EXEC", "GET a"});
  const Batch batch(node(1), {"SET a 1"});
  node(1).expectsNothing();
  batch.replies("*1\r\n+OK\r\n");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == &link);
  get.replies(bulk("1"));
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Watching, "while a key is watched all commands to its node use the lease, others do not") {
  FakeConnection& link = shared(2);
  FakeConnection& lease = watch();
  client.sends({"GET d", "GET b", "MGET a b"});
  const Received d = node(1).expects("GET d");
  const Received b = node(2).expects("GET b");
  CHECK(&d.connection() == &lease);
  CHECK(&b.connection() == &link);
  const Received partA = node(1).expects("MGET a");
  const Received partB = node(2).expects("MGET b");
  CHECK(&partA.connection() == &lease);
  CHECK(&partB.connection() == &link);
  d.replies(bulk("d"));
  b.replies(bulk("b"));
  partA.replies("*1\r\n" + bulk("1"));
  partB.replies("*1\r\n" + bulk("2"));
  client.receives(bulk("d") + bulk("b") + "*2\r\n" + bulk("1") + bulk("2"));
}

TEST_CASE_METHOD(Watching, "a transaction that was not run because a watched key has changed gives nil") {
  watch();
  client.sends({"MULTI", "SET a 1", "CLIENT SETNAME me", "EXEC", "CLIENT GETNAME"});
  Batch(node(1), {"SET a 1"}).replies(kNil);
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*-1\r\n$-1\r\n");
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Watching, "EXEC without commands still asks the node whether a watched key has changed") {
  FakeConnection& lease = watch();
  client.sends({"MULTI", "EXEC"});
  client.receives(kOk);
  const Batch batch(node(1), {});
  CHECK(&batch.connection() == &lease);
  batch.replies(kNil);
  client.receives(kNil);
}

TEST_CASE_METHOD(Watching, "several WATCHes share one lease") {
  FakeConnection& lease = watch();
  client.sends({"WATCH d", "WATCH {a}x e"});
  const Received second = node(1).expects("WATCH d");
  CHECK(&second.connection() == &lease);
  second.replies(kOk);
  client.receives("+OK\r\n" + std::string(kOneSlot));
  CHECK(leases() == 1);
}

TEST_CASE_METHOD(Watching, "keys of another node cannot be watched together with this one's, nor changed") {
  watch();
  client.sends({"WATCH b", "MULTI", "SET b 1", "EXEC"});
  const std::string crossSlot(kOneSlot);
  client.receives(crossSlot + "+OK\r\n" + crossSlot + aborted(crossSlot));
  node(2).expectsNothing();
}

TEST_CASE("DISCARD and UNWATCH make the node forget, and give the lease back") {
  for (const bool discards : {true, false}) {
    Watching stage;
    FakeConnection& lease = stage.watch();
    if (discards) stage.queueSet();
    stage.client.sends({discards ? "DISCARD" : "UNWATCH", "GET a"});
    const Received unwatch = stage.node(1).expects("UNWATCH");
    CHECK(&unwatch.connection() == &lease);
    stage.node(1).expectsNothing();
    unwatch.replies(kOk);
    const Received get = stage.node(1).expects("GET a");
    CHECK(&get.connection() != &lease);
    get.replies(bulk("0"));
    stage.client.receives("+OK\r\n" + bulk("0"));
    CHECK(stage.leases() == 0);
    CHECK_FALSE(lease.closed());
  }
}

TEST_CASE_METHOD(Watching, "UNWATCH without a watch, and inside MULTI, needs no lease") {
  client.sends({"UNWATCH", "MULTI", "UNWATCH", "EXEC"});
  client.receives("+OK\r\n+OK\r\n+QUEUED\r\n");
  CHECK(leases() == 0);
  // any node may answer
  for (std::size_t i = 1; i <= kNodes; ++i) {
    if (node(i).unexpected() > 0) Batch(node(i), {"UNWATCH"}).replies("*1\r\n+OK\r\n");
  }
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Watching, "a spoilt transaction ends the watch") {
  FakeConnection& lease = watch();
  client.sends({"MULTI", "NOSUCH", "EXEC"});
  const std::string error = "-ERR unknown command 'NOSUCH', with args beginning with: \r\n";
  client.receives("+OK\r\n" + error + aborted(error));
  CHECK(leases() == 0);
  CHECK(lease.closed());
}

TEST_CASE_METHOD(Watching, "EXEC gives nil when the lease was lost before it was sent") {
  FakeConnection& lease = watch();
  queueSet();
  lease.reset();
  client.sends("EXEC");
  client.receives(kNil);
  node(1).expectsNothing();
  CHECK(leases() == 0);
  // and the client can begin anew
  watch();
  queueSet();
  client.sends("EXEC");
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives("*1\r\n+OK\r\n");
}

TEST_CASE_METHOD(Watching, "EXEC that only partly left when the lease broke gives nil") {
  FakeConnection& lease = watch();
  queueSet();
  lease.setWriteCapacity(5);
  client.sends("EXEC");
  lease.reset();
  client.receives(kNil);
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Watching, "EXEC that was sent and not answered when the lease broke is ambiguous") {
  FakeConnection& lease = watch();
  queueSet();
  client.sends("EXEC");
  const Batch batch(node(1), {"SET a 1"});
  lease.reset();
  client.receives(kAmbiguous);
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Watching, "a transaction that only reads is ambiguous after a watch as well") {
  FakeConnection& lease = watch();
  client.sends({"MULTI", "GET a", "EXEC"});
  const Batch batch(node(1), {"GET a"});
  lease.reset();
  client.receives("+OK\r\n+QUEUED\r\n" + std::string(kAmbiguous));
}

TEST_CASE_METHOD(Watching, "commands between WATCH and MULTI go on when the lease is lost") {
  FakeConnection& lease = watch();
  lease.reset();
  client.sends({"GET a", "WATCH a", "UNWATCH", "GET a"});
  node(1).expects("GET a").replies(bulk("0"));
  node(1).expects("GET a").replies(bulk("0"));
  client.receives(bulk("0") + "+OK\r\n+OK\r\n" + bulk("0"));
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Watching, "EXEC gives nil when the slot has moved since WATCH") {
  watch();
  giveSlot("a", 2);
  queueSet();
  client.sends("EXEC");
  client.receives(kNil);
  node(1).expectsNothing();
  node(2).expectsNothing();
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Watching, "EXEC gives nil when the slot has moved since it was queued") {
  watch();
  queueSet();
  giveSlot("a", 2);
  client.sends("EXEC");
  client.receives(kNil);
  node(1).expectsNothing();
  node(2).expectsNothing();
}

TEST_CASE("EXEC gives nil when the node refuses the transaction in any way that ends the watch there") {
  Watching probe;
  for (const std::string& cause :
       {probe.moved("a", 2), probe.ask("a", 2), std::string(kTryAgain),
        std::string("-CLUSTERDOWN Hash slot not served\r\n"),
        std::string("-LOADING Redis is loading the dataset in memory\r\n"),
        std::string("-READONLY You can't write against a read only replica.\r\n")}) {
    INFO(cause);
    Watching stage;
    stage.watch();
    stage.queueSet();
    stage.client.sends("EXEC");
    Batch(stage.node(1), {"SET a 1"}).isAborted(cause);
    stage.client.receives(kNil);
    stage.clock.advance(1s);
    stage.node(1).expectsNothing();
    stage.node(2).expectsNothing();
    CHECK(stage.leases() == 0);
  }
}

TEST_CASE_METHOD(Watching, "a first WATCH follows its slot to another node") {
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(moved("a", 2));
  node(2).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  CHECK(leases() == 1);
}

TEST_CASE_METHOD(
    Watching, "a transaction on a slot that has moved without the topology's knowing gives nil, no error") {
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(moved("a", 2));
  node(2).expects("WATCH a").replies(kOk);
  queueSetAfter(kOk);
  client.sends("EXEC");
  client.receives(kNil);
  node(1).expectsNothing();
  node(2).expectsNothing();
}

TEST_CASE_METHOD(Watching, "a second WATCH whose slot has moved ends in nil at EXEC") {
  watch();
  client.sends("WATCH d");
  node(1).expects("WATCH d").replies(moved("d", 2));
  client.receives(kOk);
  queueSet();
  client.sends("EXEC");
  client.receives(kNil);
  node(2).expectsNothing();
}

TEST_CASE_METHOD(Watching, "a client that leaves closes its lease, whatever it was doing") {
  FakeConnection& lease = watch();
  client.leaves();
  CHECK(client.isClosed());
  CHECK(lease.closed());
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Watching, "a client that leaves while EXEC is under way closes its lease") {
  FakeConnection& lease = watch();
  queueSet();
  client.sends("EXEC");
  const Batch batch(node(1), {"SET a 1"});
  client.resets();
  CHECK(lease.closed());
  CHECK(leases() == 0);
}

TEST_CASE_METHOD(Watching, "when the budget is spent a WATCH waits until a lease comes back") {
  config.leaseMaxTransactions = 1;
  watch();
  other.sends("WATCH a");
  clock.advance(1s);
  node(1).expectsNothing();
  other.receivesNothing();
  CHECK(limitHits(telemetry::Limit::Leases) > 0);
  client.sends("UNWATCH");
  node(1).expects("UNWATCH").replies(kOk);
  client.receives(kOk);
  clock.advance(200ms);
  node(1).expects("WATCH a").replies(kOk);
  other.receives(kOk);
  CHECK(leases() == 1);
}

TEST_CASE_METHOD(Watching, "when the budget stays spent a WATCH fails in the end, and nothing is watched") {
  config.leaseMaxTransactions = 1;
  config.leaseIdleTimeout = 0ms;
  watch();
  other.sends("WATCH a");
  clock.advance(16s);
  other.receives(
      "-ERR max number of leased connections reached (lease-max-blocking, lease-max-tracking, "
      "lease-max-transactions)\r\n");
  CHECK(leases() == 1);
}

TEST_CASE_METHOD(Watching, "RESET ends a watch") {
  FakeConnection& lease = watch();
  client.sends("RESET");
  client.receives("+RESET\r\n");
  CHECK(leases() == 0);
  CHECK(lease.closed());
}

TEST_CASE_METHOD(Watching, "after a change of protocol what was watched counts as changed") {
  node(1).answersHandshake("HELLO", "%0\r\n");
  watch();
  client.sends("HELLO 3");
  client.takes();
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n_\r\n");
  CHECK(leases() == 0);
}

}  // namespace slotless::test
