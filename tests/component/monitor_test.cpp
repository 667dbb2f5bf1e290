// MONITOR: what all masters do.
#include "stage.h"

namespace slotless::test {

namespace {
constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kLine = "+1700000000.000001 [0 10.0.0.9:1] \"SET\" \"a\" \"1\"\r\n";
constexpr std::string_view kNoKeys = "-ERR Replica can't interact with the keyspace\r\n";

void monitors(Stage& stage, FakeClient& client) {
  client.sends("MONITOR");
  for (std::size_t number = 1; number <= kNodes; ++number) {
    client.receivesNothing();
    stage.node(number).expects("MONITOR").replies(kOk);
  }
  client.receives(kOk);
}
}  // namespace

TEST_CASE_METHOD(Stage, "MONITOR is confirmed by all masters and then gives what each of them does") {
  monitors(*this, client);
  node(2).pushes(kLine);
  client.receives(kLine);
  node(3).pushes(std::string(kLine) + std::string(kLine));
  client.receives(std::string(kLine) + std::string(kLine));
  CHECK(metrics().monitors.value() == 1);
}

TEST_CASE_METHOD(Stage, "MONITOR does not show the heartbeats of links") {
  monitors(*this, client);
  node(1).pushes("+1700000000.000001 [0 10.0.0.9:1] \"PING\"\r\n" + std::string(kLine));
  client.receives(kLine);
}

TEST_CASE_METHOD(Stage, "all who monitor share one connection to each master") {
  monitors(*this, client);
  other.sends("MONITOR");
  other.receives(kOk);
  node(1).pushes(kLine);
  client.receives(kLine);
  other.receives(kLine);
  client.resets();
  node(1).pushes(kLine);
  other.receives(kLine);
  CHECK(node(1).connected());
  other.sends({"RESET", "GET a"});
  node(1).expects("GET a").replies(bulk("1"));
  other.receives("+RESET\r\n" + bulk("1"));
  for (std::size_t number = 1; number <= kNodes; ++number) CHECK_FALSE(node(number).connected());
}

TEST_CASE_METHOD(Stage, "who monitors cannot touch keys, and a second MONITOR is not answered") {
  monitors(*this, client);
  client.sends({"GET a", "MONITOR", "PING", "MULTI", "SET a 1", "EXEC"});
  client.receives(std::string(kNoKeys) + "+PONG\r\n+OK\r\n" + std::string(kNoKeys) + aborted(kNoKeys));
}

TEST_CASE_METHOD(Stage, "MONITOR goes on with masters that join and those that come back") {
  monitors(*this, client);
  addNode(4);
  node(4).expects("MONITOR").replies(kOk);
  node(4).pushes(kLine);
  client.receives(kLine);
  node(4).resets();
  clock.advance(1s);
  node(4).expects("MONITOR").replies(kOk);
  node(4).pushes(kLine);
  client.receives(kLine);
}

TEST_CASE_METHOD(Stage, "MONITOR fails when a master cannot be reached in time, or forbids it") {
  config.holdTimeout = 3s;
  settle();
  node(2).refusesConnections();
  client.sends({"MONITOR", "PING"});
  node(1).expects("MONITOR").replies(kOk);
  node(3).expects("MONITOR").replies(kOk);
  clock.advance(3200ms);
  client.receives("-CLUSTERDOWN Not all masters could be reached in time\r\n+PONG\r\n");
  node(2).acceptsConnections();
  other.sends("MONITOR");
  node(1).expects("MONITOR").replies("-NOPERM no\r\n");
  other.receives("-NOPERM no\r\n");
  node(2).expects("MONITOR");
  node(3).expects("MONITOR");
}

TEST_CASE_METHOD(Stage, "a client that leaves before its MONITOR is confirmed leaves nothing") {
  client.sends("MONITOR");
  const Received first = node(1).expects("MONITOR");
  node(2).expects("MONITOR");
  node(3).expects("MONITOR");
  client.resets();
  CHECK(metrics().monitors.value() == 0);
  CHECK(worker().requestsInUse() == 0);
  CHECK(first.connection().closed());
}

}  // namespace slotless::test
