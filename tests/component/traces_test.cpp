// Requests that are traced: which of them, and what their traces tell.
#include "proxy/observe/trace_queue.h"

#include <string>
#include <utility>
#include <vector>

#include "batch.h"
#include "proxy/session/trace_sampling.h"
#include "proxy/telemetry/hot_keys.h"
#include "proxy/telemetry/trace_counts.h"
#include "stage.h"

namespace slotless::test {

namespace {

using observe::RequestTrace;
using observe::RequestTracePtr;
using observe::TraceQueue;
using observe::TraceStage;
using telemetry::TraceCounts;
using telemetry::TraceDrop;

const std::string kParentTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kParentSpan = "b7ad6b7169203331";

std::string traceParent(std::string_view flags) {
  return "CLIENT SETINFO TRACEPARENT 00-" + kParentTrace + "-" + kParentSpan + "-" + std::string(flags);
}

// All that are over.
std::vector<RequestTracePtr> takeTraces() {
  std::vector<RequestTracePtr> all;
  for (;;) {
    std::vector<RequestTracePtr> some = TraceQueue::ofProcess().take();
    TraceQueue::ofProcess().settle(observe::spansOf(some));
    if (some.empty()) return all;
    for (RequestTracePtr& each : some) all.push_back(std::move(each));
  }
}

std::vector<std::string> commandsOf(const std::vector<RequestTracePtr>& traces) {
  std::vector<std::string> commands;
  for (const RequestTracePtr& each : traces) commands.push_back(each->command);
  return commands;
}

struct Traced : Stage {
  explicit Traced(std::uint64_t sample = 1) {
    config.traceEndpoint = "http://collector:4318/v1/traces";
    config.traceSample = sample;
    telemetry::HotKeys::lookSoon();
    takeTraces();
  }
  // The only one that is over.
  RequestTracePtr trace() {
    settle();
    std::vector<RequestTracePtr> all = takeTraces();
    REQUIRE(all.size() == 1);
    return std::move(all.front());
  }
  std::vector<std::string> traced() {
    settle();
    return commandsOf(takeTraces());
  }
};

// Only what clients want.
struct Asked : Traced {
  Asked() : Traced(0) {}
};

}  // namespace

TEST_CASE_METHOD(Traced, "a request's trace tells its command, its times and its node") {
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  clock.advance(30ms);
  get.replies(bulk("secret"));
  client.receives(bulk("secret"));
  const RequestTracePtr found = trace();
  CHECK(found->command == "get");
  CHECK(found->database == 0);
  CHECK(found->commands == 1);
  CHECK_FALSE(found->parent);
  CHECK(found->trace != observe::TraceId{});
  CHECK(found->span != observe::SpanId{});
  CHECK(found->clientAddress.host == "127.0.0.1");
  CHECK(found->ended - found->begun == 30ms);
  CHECK_FALSE(found->failed);
  CHECK(found->code.empty());
  REQUIRE(found->stages.size() == 1);
  const TraceStage& leg = found->stages.front();
  CHECK(leg.kind == TraceStage::Kind::Node);
  CHECK(leg.node == node(1).address());
  CHECK(leg.peer == node(1).address());
  CHECK(leg.begun == found->begun);
  CHECK(leg.ended == found->ended);
  CHECK(leg.why.empty());
  CHECK_FALSE(leg.failed);
}

TEST_CASE("without an endpoint, or where none are to be sampled, nothing is traced") {
  for (const bool isOn : {false, true}) {
    Traced stage(isOn ? 0U : 1U);
    if (!isOn) stage.config.traceEndpoint.clear();
    stage.client.sends({"GET a", "PING"});
    stage.node(1).expects("GET a").replies(bulk("1"));
    stage.client.receives(bulk("1") + std::string(kPong));
    CHECK(stage.traced().empty());
  }
}

TEST_CASE("one of so many requests is traced, whichever way it takes") {
  for (const std::string_view text : {"GET a", "PING"}) {
    INFO(text);
    Traced stage(10);
    stage.config.hotKeysSample = 0;
    for (int i = 0; i < 1000; ++i) {
      stage.client.sends(text);
      if (text == "PING") {
        stage.client.receives(kPong);
        continue;
      }
      stage.node(1).expects(text).replies(bulk("1"));
      stage.client.receives(bulk("1"));
    }
    const std::size_t found = stage.traced().size();
    CHECK(found > 50);
    CHECK(found < 200);
  }
}

TEST_CASE_METHOD(Traced, "an error is told by its code, and what a script calls one is not repeated") {
  client.sends({"GET a", "EVAL x 1 a"});
  node(1).expects("GET a").replies("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  node(1).expects("EVAL x 1 a").replies("-SECRET of the script\r\n");
  client.takes();
  settle();
  const auto traces = takeTraces();
  REQUIRE(traces.size() == 2);
  for (const RequestTracePtr& each : traces) {
    CHECK(each->failed);
    REQUIRE(each->stages.size() == 1);
    CHECK(each->stages[0].failed);
    CHECK(each->stages[0].code == each->code);
  }
  CHECK(traces[0]->code == "WRONGTYPE");
  CHECK(traces[1]->code.empty());
}

TEST_CASE_METHOD(Traced, "a redirect is a stage with the node that has sent it away") {
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  clock.advance(2ms);
  first.replies(moved("a", 2));
  const Received second = node(2).expects("GET a");
  clock.advance(3ms);
  second.replies(bulk("1"));
  client.receives(bulk("1"));
  const RequestTracePtr found = trace();
  CHECK_FALSE(found->failed);
  CHECK(found->ended - found->begun == 5ms);
  REQUIRE(found->stages.size() == 2);
  CHECK(found->stages[0].node == node(1).address());
  CHECK(found->stages[0].why == "moved");
  CHECK(found->stages[0].failed);
  CHECK(found->stages[0].ended - found->stages[0].begun == 2ms);
  CHECK(found->stages[1].node == node(2).address());
  CHECK_FALSE(found->stages[1].failed);
  CHECK(found->stages[1].ended - found->stages[1].begun == 3ms);
}

TEST_CASE_METHOD(Traced, "the time that a request is held is a stage, and why") {
  giveSlot("a", 0);
  client.sends("GET a");
  clock.advance(10s);
  giveSlot("a", 3);
  const Received get = node(3).expects("GET a");
  clock.advance(1s);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
  const RequestTracePtr found = trace();
  REQUIRE(found->stages.size() == 2);
  CHECK(found->stages[0].kind == TraceStage::Kind::Held);
  CHECK(found->stages[0].why == "unsent");
  CHECK(found->stages[0].begun == found->begun);
  CHECK(found->stages[0].ended - found->stages[0].begun == 10s);
  CHECK(found->stages[1].kind == TraceStage::Kind::Node);
  CHECK(found->stages[1].begun == found->stages[0].ended);
  CHECK(found->stages[1].ended - found->stages[1].begun == 1s);
}

TEST_CASE_METHOD(Traced, "what is never sent has only been held") {
  giveSlot("a", 0);
  client.sends("GET a");
  clock.advance(20s);
  client.receives(kNoMaster);
  const RequestTracePtr found = trace();
  CHECK(found->failed);
  CHECK(found->code == "CLUSTERDOWN");
  REQUIRE(found->stages.size() == 1);
  CHECK(found->stages[0].kind == TraceStage::Kind::Held);
  CHECK(found->stages[0].ended == found->ended);
}

TEST_CASE_METHOD(Traced, "a node that refuses for a while is told, and the pause behind it") {
  client.sends("SET a 1");
  node(1).expects("SET a 1").replies("-CLUSTERDOWN The cluster is down\r\n");
  clock.advance(50ms);
  node(1).expects("SET a 1").replies(kOk);
  client.receives(kOk);
  const RequestTracePtr found = trace();
  REQUIRE(found->stages.size() == 3);
  CHECK(found->stages[0].why == "clusterdown");
  CHECK(found->stages[1].kind == TraceStage::Kind::Held);
  CHECK(found->stages[1].why == "clusterdown");
  CHECK(found->stages[2].why.empty());
}

TEST_CASE_METHOD(Traced, "a write whose link breaks is an error with its node") {
  client.sends("SET a 1");
  node(1).expects("SET a 1");
  node(1).resets();
  client.receives(kAmbiguous);
  const RequestTracePtr found = trace();
  CHECK(found->failed);
  CHECK(found->code == "AMBIGUOUS");
  REQUIRE(found->stages.size() == 1);
  CHECK(found->stages[0].node == node(1).address());
  CHECK(found->stages[0].code == "AMBIGUOUS");
}

TEST_CASE_METHOD(Traced, "each part of a request that is split is a stage") {
  client.sends("MGET a b");
  const Received a = node(1).expects("MGET a");
  const Received b = node(2).expects("MGET b");
  clock.advance(1ms);
  b.replies("*1\r\n$1\r\nB\r\n");
  clock.advance(1ms);
  a.replies("*1\r\n$1\r\nA\r\n");
  client.receives("*2\r\n$1\r\nA\r\n$1\r\nB\r\n");
  const RequestTracePtr found = trace();
  REQUIRE(found->stages.size() == 2);
  CHECK(found->stages[0].node == node(2).address());
  CHECK(found->stages[0].ended - found->begun == 1ms);
  CHECK(found->stages[1].node == node(1).address());
  CHECK(found->stages[1].ended == found->ended);
}

TEST_CASE_METHOD(Traced,
                 "a transaction is one trace, beside those of what was queued, and counts its commands") {
  client.sends({"MULTI", "SET a 1", "INCR {a}n", "EXEC"});
  const Batch batch(node(1), {"SET a 1", "INCR {a}n"});
  batch.replies("*2\r\n+OK\r\n:1\r\n");
  client.takes();
  settle();
  const auto traces = takeTraces();
  CHECK(commandsOf(traces) == std::vector<std::string>{"multi", "set", "incr", "exec"});
  CHECK(traces.back()->commands == 2);
  CHECK(traces.back()->stages.size() == 1);
  CHECK(traces.front()->stages.empty());
}

TEST_CASE_METHOD(Traced, "what the proxy answers itself has no stages, and its errors are told") {
  client.sends({"PING", "SELECT 99"});
  client.takes();
  settle();
  const auto traces = takeTraces();
  CHECK(commandsOf(traces) == std::vector<std::string>{"ping", "select"});
  for (const RequestTracePtr& each : traces) CHECK(each->stages.empty());
  CHECK_FALSE(traces[0]->failed);
  CHECK(traces[1]->failed);
  CHECK(traces[1]->code == "ERR");
}

TEST_CASE_METHOD(Traced, "what is answered late, or by no request of a node, ends its trace as well") {
  client.sends("SUBSCRIBE a");
  node(1).expects("subscribe a").replies(notice("subscribe", "a", 1));
  client.receives(notice("subscribe", "a", 1));
  other.sends("SLOWLOG GET");
  other.takes();
  other.sends("MONITOR");
  for (std::size_t number = 1; number <= kNodes; ++number) {
    other.receivesNothing();
    node(number).expects("MONITOR").replies(kOk);
  }
  other.receives(kOk);
  CHECK(traced() == std::vector<std::string>{"subscribe", "slowlog|get", "monitor"});
}

TEST_CASE_METHOD(Traced, "a trace ends when its client leaves, and the late reply does no harm") {
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  giveSlot("b", 0);
  client.sends("GET b");
  clock.advance(5ms);
  client.resets();
  settle();
  const auto traces = takeTraces();
  CHECK(commandsOf(traces) == std::vector<std::string>{"get", "get"});
  for (const RequestTracePtr& each : traces) {
    CHECK(each->failed);
    CHECK(each->why == "given up");
    REQUIRE(each->stages.size() == 1);
  }
  CHECK(traces[0]->stages[0].kind == TraceStage::Kind::Node);
  CHECK(traces[0]->stages[0].why == "given up");
  CHECK(traces[1]->stages[0].kind == TraceStage::Kind::Held);
  get.replies(bulk("1"));
  CHECK(traced().empty());
}

TEST_CASE_METHOD(Asked,
                 "a traceparent that is recorded has its client's requests traced, and no node hears of it") {
  client.sends({traceParent("01"), "GET a", "PING"});
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1") + std::string(kPong));
  other.sends("GET d");
  node(1).expects("GET d").replies(bulk("1"));
  other.receives(bulk("1"));
  settle();
  const auto traces = takeTraces();
  CHECK(commandsOf(traces) == std::vector<std::string>{"ping", "get"});  // as they were done
  const auto parent = observe::parseTraceParent("00-" + kParentTrace + "-" + kParentSpan + "-01");
  for (const RequestTracePtr& each : traces) {
    CHECK(each->trace == parent->trace);
    CHECK(each->parent == parent->span);
    CHECK(each->span != parent->span);
  }
}

TEST_CASE_METHOD(Traced, "a client that is not recorded is not sampled either") {
  client.sends({traceParent("00"), "GET a", "PING"});
  node(1).expects("GET a").replies(bulk("1"));
  client.takes();
  CHECK(traced() == std::vector<std::string>{"client|setinfo"});
}

TEST_CASE_METHOD(Asked, "a traceparent counts until there is another one, or none, or RESET") {
  const std::string none = "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$11\r\ntraceparent\r\n$0\r\n\r\n";
  client.sends({traceParent("01"), "PING", traceParent("00"), "PING"});
  client.takes();
  CHECK(traced() == std::vector<std::string>{"ping", "client|setinfo"});
  client.sends({traceParent("01"), "PING"});
  client.sendsBytes(none);
  client.sends("PING");
  client.takes();
  CHECK(traced() == std::vector<std::string>{"ping", "client|setinfo"});
  client.sends({traceParent("01"), "RESET", "PING"});
  client.takes();
  CHECK(traced() == std::vector<std::string>{"reset"});
}

TEST_CASE_METHOD(Asked, "a wrong traceparent is refused and changes nothing") {
  client.sends(traceParent("01"));
  client.receives(kOk);
  client.sends("CLIENT SETINFO TRACEPARENT 00-secret");
  const std::string refusal = client.takes();
  CHECK(refusal.starts_with("-ERR traceparent has to be"));
  CHECK_FALSE(contains(refusal, "secret"));
  client.sends("PING");
  client.receives(kPong);
  CHECK(traced() == std::vector<std::string>{"client|setinfo", "ping"});
}

TEST_CASE_METHOD(Traced, "a traceparent may be said where nothing is traced") {
  config.traceEndpoint.clear();
  client.sends({traceParent("01"), "GET a"});
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(std::string(kOk) + bulk("1"));
  CHECK(traced().empty());
}

TEST_CASE_METHOD(Asked,
                 "of what clients want traced there is a limit a second, and what is above is counted") {
  clock.advance(20min);
  const auto before = TraceCounts::ofProcess().dropped(TraceDrop::Rate);
  client.sends(traceParent("01"));
  client.receives(kOk);
  for (std::uint32_t i = 0; i < session::kMostAskedTraces + 2; ++i) {
    client.sends("PING");
    client.receives(kPong);
  }
  CHECK(traced().size() == session::kMostAskedTraces);
  CHECK(TraceCounts::ofProcess().dropped(TraceDrop::Rate) == before + 2);
  clock.advance(1s);
  client.sends("PING");
  client.receives(kPong);
  CHECK(traced().size() == 1);
}

TEST_CASE_METHOD(Asked, "requests that wait for earlier ones are traced once, when they go on") {
  client.sends(traceParent("01"));
  client.receives(kOk);
  client.sends({"GET a", "PUBLISH c m"});
  const Received get = node(1).expects("GET a");
  clock.advance(5ms);
  get.replies(bulk("1"));
  client.receives(bulk("1"));
  node(3).expects("PUBLISH c m").replies(":0\r\n");
  client.takes();
  CHECK(traced() == std::vector<std::string>{"get", "publish"});
}

}  // namespace slotless::test
