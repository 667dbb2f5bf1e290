// Masters whose place another node has taken while requests were on their way: one that answers quickly is
// still believed; one that was frozen or cut off, and comes back, is not.
#include "stage.h"

namespace slotless::test {

namespace {
// Longer than a replaced master is waited for.
constexpr auto kGivenUp = 1s;
}  // namespace

TEST_CASE_METHOD(Stage,
                 "what hangs on a replaced master is given up: reads are repeated, writes are ambiguous") {
  client.sends({"SET a 1", "GET a"});
  node(1).expects("SET a 1");
  node(1).expects("GET a");
  replaceNode(1, 4);
  client.receivesNothing();
  clock.advance(kGivenUp);
  node(4).expects("GET a").replies(bulk("0"));
  client.receives(std::string(kAmbiguous) + bulk("0"));
  CHECK_FALSE(node(1).connected());
  clock.advance(1min);
  CHECK(node(1).connects() == 1);
}

TEST_CASE_METHOD(Stage,
                 "while a node that somebody waits for is silent, the cluster is asked who is master") {
  settle();
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  clock.advance(150ms);
  CHECK(control.urgentRefreshes == 0);
  clock.advance(1s);
  CHECK(control.urgentRefreshes >= 9);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
  const std::size_t before = control.urgentRefreshes;
  clock.advance(1min);
  CHECK(control.urgentRefreshes == before);
}

TEST_CASE_METHOD(Stage, "while a command blocks, the cluster is asked now and then") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  clock.advance(10s);
  CHECK(control.urgentRefreshes == 0);
  CHECK(control.refreshes >= 8);
  CHECK(control.refreshes <= 10);
  pop.replies("*-1\r\n");
  client.receives("*-1\r\n");
}

TEST_CASE_METHOD(Stage, "so it is when the replaced master is a replica now") {
  client.sends("GET a");
  node(1).expects("GET a");
  replaceNode(1, 4);
  addReplica(1, 4);
  clock.advance(kGivenUp);
  node(4).expects("GET a").replies(bulk("0"));
  client.receives(bulk("0"));
}

TEST_CASE_METHOD(Stage, "a replaced master may still say where its requests belong") {
  client.sends({"SET a 1", "SET d 2"});
  const Received a = node(1).expects("SET a 1");
  const Received d = node(1).expects("SET d 2");
  replaceNode(1, 4);
  a.replies(kOk);
  clock.advance(200ms);
  d.replies(moved("d", 4));
  node(4).expects("SET d 2").replies(kOk);
  client.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Stage, "what a replaced master says to have done long after that is not believed") {
  client.sends({"SET a 1", "GET a"});
  const Received set = node(1).expects("SET a 1");
  node(1).expects("GET a");
  replaceNode(1, 4);
  clock.advance(200ms);
  set.replies("+OK\r\n" + bulk("1"));
  node(4).expects("GET a").replies(bulk("0"));
  client.receives(std::string(kAmbiguous) + bulk("0"));
}

TEST_CASE_METHOD(Stage,
                 "a read whose answer is not believed is not suspected of having ended its connection") {
  client.sends({"GET a", "GET d"});
  const Received first = node(1).expects("GET a");
  node(1).expects("GET d");
  replaceNode(1, 4);
  clock.advance(200ms);
  first.replies(bulk("1"));
  CHECK_FALSE(node(1).connected());
  const Received again = node(4).expects("GET a");
  const Received next = node(4).expects("GET d");
  CHECK(&again.connection() == &next.connection());
  CHECK(metrics().loneLeases.value() == 0);
  // Nor is its like from then on.
  other.sends({"GET a", "SET d 1"});
  const Received like = node(4).expects("GET a");
  CHECK(&like.connection() == &again.connection());
  node(4).expects("SET d 1");
  again.replies(bulk("0") + bulk("0") + bulk("0") + std::string(kOk));
  client.receives(bulk("0") + bulk("0"));
  other.receives(bulk("0") + std::string(kOk));
}

TEST_CASE_METHOD(Stage, "a reply that has begun before its master was replaced is passed on to its end") {
  client.sends({"GET a", "GET d"});
  const Received a = node(1).expects("GET a");
  node(1).expects("GET d");
  const std::string whole = bulk(std::string(40, 'x'));
  a.replies(whole.substr(0, 10));
  client.receives(whole.substr(0, 10));
  replaceNode(1, 4);
  // Longer than a replaced master is waited for that says nothing.
  for (std::size_t i = 10; i < whole.size(); ++i) {
    clock.advance(100ms);
    a.replies(whole.substr(i, 1));
    client.receives(whole.substr(i, 1));
  }
  clock.advance(kGivenUp);
  node(4).expects("GET d").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK_FALSE(node(1).connected());
}

TEST_CASE_METHOD(Stage,
                 "a reply that a replaced master does not go on with costs the client its connection") {
  client.sends("GET a");
  node(1).expects("GET a").replies("$5\r\nab");
  client.receives("$5\r\nab");
  replaceNode(1, 4);
  clock.advance(kGivenUp);
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Stage, "a master whose slots have been moved away may take its time") {
  client.sends("SET a 1");
  const Received set = node(1).expects("SET a 1");
  node(1).ignoresConnections();  // it is busy
  giveSlot("a", 2);
  clock.advance(1min);
  client.receivesNothing();
  set.replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "a blocked pop that hangs on a replaced master is ambiguous") {
  client.sends("BLPOP a 0");
  node(1).expects("BLPOP a 0");
  replaceNode(1, 4);
  clock.advance(kGivenUp);
  client.receives(kAmbiguous);
}

// As in a planned failover there and back, when an older view comes in after a redirect.
TEST_CASE_METHOD(Stage, "what hangs on a master that counts as replaced for a moment only is waited for") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  other.sends("INCR a");
  const Received incr = node(1).expects("INCR a");
  SECTION("and believed") {
    replaceNode(1, 4);
    clock.advance(90ms);
    replaceNode(4, 1);
    clock.advance(kGivenUp);
    pop.replies("*2\r\n$1\r\na\r\n$1\r\nx\r\n");
    incr.replies(":7\r\n");
    client.receives("*2\r\n$1\r\na\r\n$1\r\nx\r\n");
    other.receives(":7\r\n");
  }
  SECTION("until it is replaced again") {
    replaceNode(1, 4);
    replaceNode(4, 1);
    clock.advance(kGivenUp);
    replaceNode(1, 4);
    clock.advance(kGivenUp);
    client.receives(kAmbiguous);
    other.receives(kAmbiguous);
  }
}

TEST_CASE_METHOD(Stage, "a blocked pop that its replaced master sends away blocks again at the new one") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  replaceNode(1, 4);
  pop.replies(
      "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n");
  clock.advance(100ms);
  node(4).expects("BLPOP a 0").replies("*2\r\n$1\r\na\r\n$1\r\nx\r\n");
  client.receives("*2\r\n$1\r\na\r\n$1\r\nx\r\n");
}

TEST_CASE_METHOD(Stage, "EXEC that hangs on a replaced master is ambiguous, and UNWATCH is done") {
  for (FakeClient* each : {&client, &other}) {
    each->sends("WATCH a");
    node(1).expects("WATCH a").replies(kOk);
    each->receives(kOk);
  }
  client.sends({"MULTI", "SET a 1", "EXEC"});
  for (const std::string_view text : {"MULTI", "SET a 1", "EXEC"}) node(1).expects(text);
  other.sends("UNWATCH");
  node(1).expects("UNWATCH");
  replaceNode(1, 4);
  clock.advance(kGivenUp);
  client.receives("+OK\r\n+QUEUED\r\n" + std::string(kAmbiguous));
  other.receives(kOk);
}

TEST_CASE_METHOD(Stage, "a watch is lost with the master that has been replaced, even if that comes back") {
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  replaceNode(1, 4);
  replaceNode(4, 1);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n*-1\r\n");
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Stage, "the first WATCH waits for a master as any other request") {
  settle();
  node(1).refusesConnections();
  node(1).resets();
  client.sends("WATCH a");
  clock.advance(3s);
  client.receivesNothing();
  replaceNode(1, 4);
  clock.advance(100ms);
  node(4).expects("WATCH a").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Stage, "a first WATCH whose link is lost is repeated, a second one loses the watch") {
  client.sends("WATCH a");
  node(1).expects("WATCH a");
  node(1).resets();
  clock.advance(100ms);
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  client.sends("WATCH d");
  node(1).expects("WATCH d");
  node(1).resets();
  clock.advance(100ms);
  client.receives(kOk);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_CASE_METHOD(Stage, "requests that wait for a lease do not knock at a dead node without pause") {
  settle();
  node(1).refusesConnections();
  node(1).resets();
  client.sends("BLPOP a 0");
  other.sends("WATCH a");
  const std::size_t before = node(1).connects();
  clock.advance(1s);
  // The shared link's attempts included.
  CHECK(node(1).connects() - before < 80);
  other.resets();
  node(1).acceptsConnections();
  clock.advance(3s);
  node(1).expects("BLPOP a 0").replies("*-1\r\n");
  client.receives("*-1\r\n");
}

}  // namespace slotless::test
