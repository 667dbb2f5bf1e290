// Events that took long: what is kept, how several workers' become one, and how they are shown.
#include "proxy/observe/latency_events.h"

#include "catch.h"
#include "proxy/observe/latency_report.h"

namespace slotless::session {
namespace {

using namespace std::chrono_literals;

AllLatencySeries seen(LatencyKind kind, std::vector<LatencySample> samples, std::int64_t worst) {
  AllLatencySeries all;
  all[static_cast<std::size_t>(kind)] = {std::move(samples), worst};
  return all;
}

config::Config configWith(net::Millis threshold) {
  config::Config config;
  config.latencyMonitorThreshold = threshold;
  return config;
}

TEST_CASE("what takes as long as the threshold is kept, and nothing if there is none", "[latency]") {
  const config::Config config = configWith(100ms);
  LatencyEvents events(config);
  events.note(LatencyKind::Command, 99'999us);
  CHECK(events.all()[0].samples.empty());
  events.note(LatencyKind::Command, 100'000us);
  CHECK(events.all()[0].worst == 100);
  events.setThreshold(0ms);
  events.note(LatencyKind::Upstream, 10s);
  CHECK_FALSE(events.clear(LatencyKind::Upstream));
  CHECK(events.clear(LatencyKind::Command));
  CHECK_FALSE(events.clear(LatencyKind::Command));
  CHECK(events.all()[0].worst == 0);
}

TEST_CASE("of the workers' events each second has the worst, and the newest stay", "[latency]") {
  const std::vector<AllLatencySeries> parts{seen(LatencyKind::Command, {{1, 30}, {3, 10}}, 70),
                                            seen(LatencyKind::Command, {{1, 20}, {2, 40}, {3, 50}}, 60)};
  const LatencySeries merged = mergeLatency(parts, LatencyKind::Command);
  CHECK(merged.samples == std::vector<LatencySample>{{1, 30}, {2, 40}, {3, 50}});
  CHECK(merged.worst == 70);
  CHECK(mergeLatency(parts, LatencyKind::EventLoop).samples.empty());

  std::vector<LatencySample> many;
  for (std::int64_t second = 0; second < 200; ++second) many.push_back({second, 1});
  const std::vector<AllLatencySeries> one{seen(LatencyKind::Command, many, 1)};
  const LatencySeries newest = mergeLatency(one, LatencyKind::Command);
  CHECK(newest.samples.size() == LatencyEvents::kMostSamples);
  CHECK(newest.samples.back().unixTime == 199);
}

TEST_CASE("each kind has a name, and is found by it", "[latency]") {
  for (std::size_t i = 0; i < kLatencyKinds; ++i) {
    const auto kind = static_cast<LatencyKind>(i);
    CHECK(latencyKind(latencyName(kind)) == kind);
    CHECK_FALSE(latencyAdvice(kind).empty());
  }
  CHECK_FALSE(latencyKind("fork"));
}

TEST_CASE("the graph has a column for each sample, the worst as high as four rows", "[latency]") {
  const LatencySeries series{{{940, 100}, {990, 200}, {998, 1200}}, 1300};
  CHECK(latencyGraphText(LatencyKind::Upstream, series, 1000) ==
        "upstream - high 1200 ms, low 100 ms (all time high 1300 ms)\n" + std::string(80, '-') +
            "\n"
            "  #\n"
            "  |\n"
            "  |\n"
            "_o|\n"
            "\n"
            "112\n"
            "m0s\n"
            " s\n");
}

TEST_CASE("the doctor tells what was seen, or why nothing was", "[latency]") {
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  const std::vector<AllLatencySeries> none{AllLatencySeries{}};
  CHECK(contains(latencyDoctorText(none, 0ms), "latency-monitor-threshold is 0"));
  CHECK(contains(latencyDoctorText(none, 50ms), "No event has taken 50 ms or longer"));
  const std::vector<AllLatencySeries> some{seen(LatencyKind::EventLoop, {{10, 100}, {14, 200}}, 300)};
  CHECK(contains(
      latencyDoctorText(some, 50ms),
      "1. event-loop: 2 times (average 150 ms, worst 300 ms, one every 4.0 s).\n   One turn of a worker"));
}

observe::NodeSample askedOf(std::uint64_t quick, std::uint64_t slow) {
  observe::NodeSample node;
  node.latency[2] = quick;  // up to 200 us
  node.latency[9] = slow;   // up to 50 ms
  return node;
}

TEST_CASE("the doctor tells how long turns and nodes take, and who stands out", "[latency]") {
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  observe::Buckets turns{};
  const std::string none = latencyFiguresText(turns, {});
  CHECK(contains(none, "wait for each other: none.\n"));
  CHECK(contains(none, "no node has been asked yet"));
  turns[2] = 100;
  const std::string quick = latencyFiguresText(turns, {{"a:1", askedOf(100, 0)}, {"b:1", askedOf(0, 0)}});
  CHECK(
      contains(quick, "wait for each other: 100, half of them within 0.1 ms, 99 of 100 within 0.2 ms.\n\n"));
  CHECK(contains(quick, "   a:1: 100, half of them within 0.1 ms, 99 of 100 within 0.2 ms\n   b:1: none\n"));
  turns[10] = 100;  // up to 100 ms
  const std::string slow = latencyFiguresText(
      turns, {{"a:1", askedOf(100, 0)}, {"b:1", askedOf(100, 100)}, {"c:1", askedOf(100, 0)}});
  CHECK(contains(slow, "They are long."));
  CHECK(contains(slow,
                 "   b:1: 200, half of them within 0.2 ms, 99 of 100 within 49.4 ms (much slower than the "
                 "others)\n   c:1: 100,"));
  // All are slow: then it is not the node.
  CHECK_FALSE(
      contains(latencyFiguresText(turns, {{"a:1", askedOf(0, 9)}, {"b:1", askedOf(0, 9)}}), "slower"));
}

}  // namespace
}  // namespace slotless::session
