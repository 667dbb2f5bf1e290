#include "proxy/observe/trace_context.h"

#include <set>
#include <string>

#include "catch.h"

namespace slotless::observe {
namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kSpan = "b7ad6b7169203331";
const std::string kGood = "00-" + kTrace + "-" + kSpan + "-01";

TEST_CASE("a traceparent tells trace, span and whether it is recorded") {
  const auto parent = parseTraceParent(kGood);
  REQUIRE(parent);
  CHECK(parent->trace == TraceId{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c,
                                 0x80, 0x31, 0x9c});
  CHECK(parent->span == SpanId{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31});
  CHECK(parent->sampled);
  const auto sampled = [](const std::string& flags) {
    return parseTraceParent("00-" + kTrace + "-" + kSpan + "-" + flags)->sampled;
  };
  CHECK_FALSE(sampled("00"));
  // Of flags that are not known yet only this one counts.
  CHECK(sampled("ff"));
  CHECK_FALSE(sampled("fe"));
}

TEST_CASE("what is no traceparent is refused") {
  for (const std::string& text : {
           std::string(),
           std::string("00"),
           kGood.substr(0, kGood.size() - 1),
           kGood + "-",
           kGood + "0",
           "ff-" + kTrace + "-" + kSpan + "-01",
           "0g-" + kTrace + "-" + kSpan + "-01",
           "00_" + kTrace + "-" + kSpan + "-01",
           "00-" + kTrace + "_" + kSpan + "-01",
           "00-" + kTrace + "-" + kSpan + "_01",
           "00-" + kTrace + "-" + kSpan + "-0x",
           "00-" + std::string(32, '0') + "-" + kSpan + "-01",
           "00-" + kTrace + "-" + std::string(16, '0') + "-01",
           "00-0AF7651916CD43DD8448EB211C80319C-" + kSpan + "-01",
           "00-" + kTrace.substr(1) + "z-" + kSpan + "-01",
           "00-" + kTrace + "-" + kSpan.substr(1) + " -01",
           std::string(55, '-'),
       }) {
    INFO(text);
    CHECK_FALSE(parseTraceParent(text));
  }
}

TEST_CASE("of a later version the part that is known counts") {
  CHECK(parseTraceParent("01-" + kTrace + "-" + kSpan + "-01") == parseTraceParent(kGood));
  CHECK(parseTraceParent("cc-" + kTrace + "-" + kSpan + "-01-what comes later") == parseTraceParent(kGood));
  CHECK_FALSE(parseTraceParent("cc-" + kTrace + "-" + kSpan + "-01.more"));
}

TEST_CASE("ids are different from each other, and never zero") {
  std::set<TraceId> traces;
  std::set<SpanId> spans;
  for (int i = 0; i < 1000; ++i) {
    traces.insert(newTraceId());
    spans.insert(newSpanId());
  }
  CHECK(traces.size() == 1000);
  CHECK(spans.size() == 1000);
  CHECK(traces.count(TraceId{}) == 0);
  CHECK(spans.count(SpanId{}) == 0);
}

}  // namespace
}  // namespace slotless::observe
