#include "proxy/trace/otlp.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "decoded.h"
#include "proxy/observe/request_trace.h"
#include "proxy/trace/protobuf.h"

namespace slotless::trace {
namespace {

using observe::RequestTrace;
using observe::RequestTracePtr;
using observe::TraceStage;
using namespace std::chrono_literals;

const Resource kResource{"cache", "1.2.3", "0-1-2", "host", 77};
const net::TimePoint kBegun{10s};

std::unique_ptr<RequestTrace> plainTrace() {
  auto trace = std::make_unique<RequestTrace>();
  trace->trace.fill(0xab);
  trace->span.fill(0xcd);
  trace->command = "get";
  trace->database = 3;
  trace->clientAddress = {"10.1.1.1", 5000};
  trace->begun = kBegun;
  trace->ended = kBegun + 5ms;
  trace->clockOffset = 1'000'000'000'000;
  return trace;
}

TraceStage onNode(net::Millis begins, net::Millis ends) {
  TraceStage stage;
  stage.begun = kBegun + begins;
  stage.ended = kBegun + ends;
  stage.node = {"node-1", 7000};
  stage.peer = {"10.0.0.1", 7000};
  return stage;
}

struct Exported {
  Decoded resource;
  Decoded scope;
  std::vector<Decoded> spans;
};

Exported exported(std::vector<std::unique_ptr<RequestTrace>> traces) {
  std::vector<RequestTracePtr> batch;
  for (auto& each : traces) batch.push_back(std::move(each));
  const Decoded resourceSpans = Decoded(encodeTraces(kResource, batch)).message(1);
  const Decoded scopeSpans = resourceSpans.message(2);
  std::vector<Decoded> spans;
  for (const Decoded::Value& each : scopeSpans.all(2)) spans.emplace_back(each.text);
  return {resourceSpans.message(1), scopeSpans.message(1), std::move(spans)};
}

std::vector<Decoded> spansOfOne(std::unique_ptr<RequestTrace> trace) {
  std::vector<std::unique_ptr<RequestTrace>> traces;
  traces.push_back(std::move(trace));
  return exported(std::move(traces)).spans;
}

using Map = std::map<std::string, std::string>;

TEST_CASE("a batch says who sends it") {
  const Exported found = exported({});
  CHECK(found.resource.attributes(1) == Map{{"service.name", "cache"},
                                            {"service.version", "1.2.3"},
                                            {"service.instance.id", "0-1-2"},
                                            {"host.name", "host"},
                                            {"process.pid", "77"}});
  CHECK(found.scope.one(1).text == "slotless");
  CHECK(found.scope.one(2).text == "1.2.3");
  CHECK(found.spans.empty());
}

TEST_CASE("a request is a span of a server, with times, operation and client") {
  const auto spans = spansOfOne(plainTrace());
  REQUIRE(spans.size() == 1);
  const Decoded& span = spans[0];
  CHECK(span.one(1).text == std::string(16, '\xab'));
  CHECK(span.one(2).text == std::string(8, '\xcd'));
  CHECK_FALSE(span.has(4));
  CHECK(span.one(5).text == "get");
  CHECK(span.one(6).number == 2);
  CHECK(span.one(7).type == 1);
  CHECK(span.one(7).number == 1'010'000'000'000);
  CHECK(span.one(8).number == 1'010'005'000'000);
  CHECK(span.one(16).type == 5);
  CHECK(span.one(16).number == 0x101);
  CHECK_FALSE(span.has(15));
  CHECK(span.attributes(9) == Map{{"db.system.name", "redis"},
                                  {"db.operation.name", "get"},
                                  {"db.namespace", "3"},
                                  {"client.address", "10.1.1.1"},
                                  {"client.port", "5000"}});
}

TEST_CASE("a client's span is the parent, and another process's") {
  auto trace = plainTrace();
  trace->parent.emplace().fill(0x11);
  trace->stages.push_back(onNode(1ms, 4ms));
  const auto spans = spansOfOne(std::move(trace));
  REQUIRE(spans.size() == 2);
  CHECK(spans[0].one(4).text == std::string(8, '\x11'));
  CHECK(spans[0].one(16).number == 0x301);
  CHECK(spans[1].one(4).text == std::string(8, '\xcd'));
  CHECK(spans[1].one(16).number == 0x101);
}

TEST_CASE("what was at a node is a span of a client in it") {
  auto trace = plainTrace();
  trace->stages.push_back(onNode(1ms, 4ms));
  const auto spans = spansOfOne(std::move(trace));
  REQUIRE(spans.size() == 2);
  const Decoded& leg = spans[1];
  CHECK(leg.one(1).text == std::string(16, '\xab'));
  CHECK(leg.one(2).text.size() == 8);
  CHECK(leg.one(2).text != spans[0].one(2).text);
  CHECK(leg.one(5).text == "get");
  CHECK(leg.one(6).number == 3);
  CHECK(leg.one(7).number == 1'010'001'000'000);
  CHECK(leg.one(8).number == 1'010'004'000'000);
  CHECK(leg.attributes(9) == Map{{"db.system.name", "redis"},
                                 {"db.operation.name", "get"},
                                 {"db.namespace", "3"},
                                 {"server.address", "node-1"},
                                 {"server.port", "7000"},
                                 {"network.peer.address", "10.0.0.1"},
                                 {"network.peer.port", "7000"}});
  CHECK(spans[0].attributes(9).at("server.address") == "node-1");
  CHECK(spans[0].attributes(9).at("server.port") == "7000");
}

TEST_CASE("the time that a leg was held is a span with its reason") {
  auto trace = plainTrace();
  TraceStage held;
  held.kind = TraceStage::Kind::Held;
  held.begun = kBegun;
  held.ended = kBegun + 2ms;
  held.why = "unsent, large";
  trace->stages = {held, held};
  trace->stages[1].ended = {};  // not noted
  const auto spans = spansOfOne(std::move(trace));
  REQUIRE(spans.size() == 3);
  CHECK(spans[1].one(5).text == "held");
  CHECK(spans[1].one(6).number == 1);
  CHECK(spans[1].attributes(9) == Map{{"slotless.held.reason", "unsent_large"}});
  CHECK(spans[2].one(8).number == spans[2].one(7).number);
  CHECK(spans[0].attributes(9).count("server.address") == 0);
}

TEST_CASE("of several nodes none is the request's own") {
  auto trace = plainTrace();
  trace->stages = {onNode(0ms, 1ms), onNode(0ms, 1ms)};
  trace->stages[1].node.port = 7001;
  trace->stages[1].peer = {};
  const auto spans = spansOfOne(std::move(trace));
  CHECK(spans[0].attributes(9).count("server.address") == 0);
  CHECK(spans[2].attributes(9).count("network.peer.address") == 0);
}

TEST_CASE("a failure has a status, a code if it was a reply, and else a reason") {
  auto trace = plainTrace();
  trace->failed = true;
  trace->code = "WRONGTYPE";
  trace->stages = {onNode(0ms, 1ms), onNode(0ms, 1ms), onNode(0ms, 1ms)};
  trace->stages[0].failed = true;
  trace->stages[0].why = "broke again";
  trace->stages[1].failed = true;  // a script's word for it
  const auto spans = spansOfOne(std::move(trace));
  const auto errorOf = [](const Decoded& span) { return span.attributes(9).at("error.type"); };
  CHECK(spans[0].message(15).one(3).number == 2);
  CHECK(errorOf(spans[0]) == "WRONGTYPE");
  CHECK(spans[0].attributes(9).at("db.response.status_code") == "WRONGTYPE");
  CHECK(errorOf(spans[1]) == "broke_again");
  CHECK(spans[1].attributes(9).count("db.response.status_code") == 0);
  CHECK(errorOf(spans[2]) == "_OTHER");
  CHECK_FALSE(spans[3].has(15));
  CHECK(spans[3].attributes(9).count("error.type") == 0);
}

TEST_CASE("a transaction has its number of commands, and stages that are not shown are counted") {
  auto trace = plainTrace();
  trace->commands = 7;
  trace->stagesLeftOut = 2;
  const auto attributes = spansOfOne(std::move(trace))[0].attributes(9);
  CHECK(attributes.at("db.operation.batch.size") == "7");
  CHECK(attributes.at("slotless.stages_left_out") == "2");
}

TEST_CASE("a collector's objections are read, and what cannot be read is none") {
  std::string body;
  ProtobufWriter writer(body);
  writer.message(1, [](ProtobufWriter& partial) {
    partial.varint(1, 12);
    partial.bytes(2, "too old");
    partial.varint(9, 1);
  });
  PartialSuccess found = decodeResponse(body);
  CHECK(found.rejectedSpans == 12);
  CHECK(found.message == "too old");
  CHECK(decodeResponse("").rejectedSpans == 0);
  CHECK(decodeResponse("{\"partialSuccess\":{}}").rejectedSpans == 0);
  body.clear();
  writer.message(1, [](ProtobufWriter& partial) { partial.bytes(2, std::string(10'000, 'x')); });
  CHECK(decodeResponse(body).message.size() == 200);
}

}  // namespace
}  // namespace slotless::trace
