// LATENCY on a whole worker: slow requests, slow nodes, and what LATENCY makes of them.
#include "stage.h"

namespace slotless::test {

namespace {

struct Latency : Stage {
  explicit Latency(std::chrono::milliseconds threshold = 100ms) {
    config.latencyMonitorThreshold = threshold;
  }

  std::string asked(std::string_view question) {
    client.sends(question);
    settle();
    return client.takes();
  }
  bool has(std::string_view question, std::string_view part) {
    return asked(question).find(part) != std::string::npos;
  }
};

struct Unwatched : Latency {
  Unwatched() : Latency(0ms) {}
};

}  // namespace

TEST_CASE_METHOD(Latency, "a slow answer is an event of the command and of its node") {
  client.sends("KEYS *");
  for (std::size_t i = 1; i <= 2; ++i) node(i).expects("KEYS *").replies("*0\r\n");
  clock.advance(250ms);
  node(3).expects("KEYS *").replies("*0\r\n");
  client.receives("*0\r\n");
  const std::string latest = asked("LATENCY LATEST");
  CHECK(latest.starts_with("*2\r\n*4\r\n$7\r\ncommand\r\n:"));
  CHECK(latest.find("\r\n:250\r\n:250\r\n*4\r\n$8\r\nupstream\r\n:") != std::string::npos);
  CHECK(asked("LATENCY HISTORY command").starts_with("*1\r\n*2\r\n:"));
  CHECK(has("LATENCY GRAPH command", "command - high 250 ms, low 250 ms (all time high 250 ms)"));
  CHECK(has("LATENCY DOCTOR", "1. command: 1 times (average 250 ms, worst 250 ms)."));
}

TEST_CASE_METHOD(Latency, "a fast command that is slow has a name of its own, and a quick one none") {
  client.sends("GET a");
  clock.advance(99ms);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(asked("LATENCY LATEST") == "*0\r\n");
  client.sends("GET a");
  clock.advance(100ms);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(has("LATENCY LATEST", "$12\r\nfast-command\r\n"));
}

TEST_CASE_METHOD(Latency, "RESET forgets the events it names, or all, and counts them") {
  client.sends("GET a");
  clock.advance(100ms);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  client.sends("LATENCY RESET nosuch upstream");
  client.receives(":1\r\n");
  client.sends("LATENCY RESET");
  client.receives(":1\r\n");
  client.sends({"LATENCY LATEST", "LATENCY HISTORY nosuch", "LATENCY GRAPH upstream"});
  client.receives("*0\r\n*0\r\n-ERR No samples available for event 'upstream'\r\n");
}

TEST_CASE_METHOD(Latency, "what blocks has not been slow") {
  client.sends("BLPOP a 1");
  const Received pop = node(1).expects("BLPOP a 1.000");
  clock.advance(500ms);
  pop.replies("*2\r\n" + bulk("a") + bulk("1"));
  client.receives("*2\r\n" + bulk("a") + bulk("1"));
  CHECK(asked("LATENCY LATEST") == "*0\r\n");
}

TEST_CASE_METHOD(Unwatched, "without a threshold there are no events, until CONFIG SET says so") {
  config.allowAdminCommands = true;
  client.sends("GET a");
  clock.advance(10s);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(asked("LATENCY LATEST") == "*0\r\n");
  client.sends("CONFIG SET latency-monitor-threshold 5");
  for (std::size_t i = 1; i <= kNodes; ++i)
    node(i).expects("CONFIG SET latency-monitor-threshold 5").replies("+OK\r\n");
  client.receives("+OK\r\n");
  client.sends("GET a");
  clock.advance(5ms);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(has("LATENCY LATEST", ":5\r\n:5\r\n"));
}

}  // namespace slotless::test
