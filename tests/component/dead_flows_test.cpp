// Connections that are dead though nobody says so: a firewall has forgotten them. The node answers on another
// connection, and that is how it is found.
#include <vector>

#include "stage.h"

namespace slotless::test {

namespace {

std::string clientLine(std::string_view flags, int idle) {
  return bulk("id=7 addr=10.0.0.9:1 name=slotless age=60 idle=" + std::to_string(idle) +
              " flags=" + std::string(flags) + " db=0 cmd=set\n");
}

struct DeadFlows : Stage {
  DeadFlows() { node(1).answersHandshake("CLIENT ID", ":7\r\n"); }
  // What the node says about the silent connection.
  void tells(std::string reply) { node(1).answersHandshake("CLIENT LIST", std::move(reply)); }
  // Lets time pass until it is given up, at most so long.
  bool isGivenUpWithin(const FakeConnection& flow, net::Millis longest) {
    for (net::Millis waited{0}; waited < longest && !flow.closed(); waited += 100ms) clock.advance(100ms);
    return flow.closed();
  }
  // A write and a read that nothing answers.
  const FakeConnection& stall() {
    client.sends("SET a 1");
    FakeConnection& flow = node(1).expects("SET a 1").connection();
    other.sends("GET d");
    node(1).expects("GET d");
    node(1).losesFlow(flow);
    return flow;
  }
};

}  // namespace

TEST_CASE_METHOD(DeadFlows, "a silent link that its node does not know of is dead, and made anew") {
  const bool known = GENERATE(true, false);
  tells(known ? clientLine("N", 2) : "$0\r\n\r\n");
  const FakeConnection& flow = stall();
  CHECK(isGivenUpWithin(flow, 3s));
  client.receives(kAmbiguous);
  node(1).expects("GET d").replies(bulk("d"));
  other.receives(bulk("d"));
  client.sends("SET a 2");
  node(1).expects("SET a 2").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(DeadFlows, "what waits for a dead flow goes on as soon as it is found to be one") {
  tells("$0\r\n\r\n");
  const FakeConnection& flow = stall();
  clock.advance(600ms);
  FakeClient& third = addClient();
  third.sends("SET e 1");
  node(1).expectsNothing();
  CHECK(isGivenUpWithin(flow, 2s));
  const Received read = node(1).expectsAny();
  const Received write = node(1).expectsAny();
  read.replies(read.words()[0] == "GET" ? bulk("d") : std::string(kOk));
  write.replies(write.words()[0] == "GET" ? bulk("d") : std::string(kOk));
  third.receives(kOk);
  other.receives(bulk("d"));
  client.receives(kAmbiguous);
}

TEST_CASE_METHOD(DeadFlows, "a link on which the node has just been at work is not dead yet") {
  tells(clientLine("N", 0));
  const FakeConnection& flow = stall();
  clock.advance(8s);
  CHECK_FALSE(flow.closed());
  client.receivesNothing();
  tells(clientLine("N", 9));
  CHECK(isGivenUpWithin(flow, 10s));
  client.receives(kAmbiguous);
  node(1).expects("GET d").replies(bulk("d"));
  other.receives(bulk("d"));
}

TEST_CASE_METHOD(DeadFlows,
                 "a connection that the node itself keeps waiting is not dead, nor that of a busy node") {
  const std::string_view said = GENERATE(as<std::string_view>{}, "blocked", "busy", "nothing");
  client.sends("SET a 1");
  const Received set = node(1).expects("SET a 1");
  if (said == "blocked") tells(clientLine("b", 60));
  if (said == "busy") tells("-BUSY Redis is busy running a script.\r\n");
  if (said == "nothing") node(1).ignoresConnections();
  const std::size_t before = node(1).connects();
  clock.advance(1min);
  client.receivesNothing();
  // One probe, and not again and again.
  CHECK(node(1).connects() - before <= (said == "nothing" ? 12U : 1U));
  set.replies(kOk);
  client.receives(kOk);
  CHECK(metrics().ambiguousWrites.value() == 0);
  clock.advance(1s);
  CHECK(loop.openConnections().size() == kNodes);
}

TEST_CASE_METHOD(DeadFlows, "where the node does not tell of its connections a long silence counts") {
  tells("-NOPERM this user has no permissions to run the 'client|list' command\r\n");
  const FakeConnection& flow = stall();
  clock.advance(15s);
  CHECK_FALSE(flow.closed());
  CHECK(isGivenUpWithin(flow, 6s));
  client.receives(kAmbiguous);
  node(1).expects("GET d").replies(bulk("d"));
  other.receives(bulk("d"));
}

TEST_CASE_METHOD(DeadFlows, "an answer on the silent link ends the probe") {
  tells(clientLine("N", 0));
  client.sends("SET a 1");
  const Received set = node(1).expects("SET a 1");
  clock.advance(1300ms);
  CHECK(loop.openConnections().size() == kNodes + 1);
  set.replies(kOk);
  client.receives(kOk);
  CHECK(loop.openConnections().size() == kNodes);
}

TEST_CASE_METHOD(DeadFlows, "a lease whose flow has died is found as well") {
  tells("$0\r\n\r\n");
  client.sends("WATCH a");
  FakeConnection& lease = node(1).expects("WATCH a").connection();
  node(1).losesFlow(lease);
  CHECK(isGivenUpWithin(lease, 3s));
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(DeadFlows, "an idle lease is tried now and then, and one that has died breaks its watch") {
  client.sends("WATCH a");
  const Received watch = node(1).expects("WATCH a");
  watch.replies(kOk);
  client.receives(kOk);
  clock.advance(30s);
  CHECK_FALSE(watch.connection().closed());
  node(1).losesFlow(watch.connection());
  clock.advance(16s);
  CHECK(watch.connection().closed());
  client.sends({"MULTI", "SET a 1", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_CASE_METHOD(DeadFlows, "those who block are not probed: they are silent by their nature") {
  client.sends("BLPOP a 0");
  const Received pop = node(1).expects("BLPOP a 0");
  const std::size_t before = node(1).connects();
  clock.advance(1min);
  CHECK(node(1).connects() == before);
  pop.replies("*-1\r\n");
  client.receives("*-1\r\n");
}

}  // namespace slotless::test
