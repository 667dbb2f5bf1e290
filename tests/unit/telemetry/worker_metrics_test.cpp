#include "proxy/telemetry/worker_metrics.h"

#include <numeric>
#include <set>

#include "catch.h"

using namespace slotless::telemetry;
using namespace std::chrono_literals;

namespace {

std::size_t bucketOf(std::chrono::microseconds latency) {
  CommandMetrics metrics;
  metrics.record(latency, false);
  std::size_t index = 0;
  while (metrics.latency.buckets.at(index).value() == 0) ++index;
  return index;
}

std::multiset<std::string> liveNodes(const WorkerMetrics& metrics) {
  std::multiset<std::string> names;
  metrics.forEachNode([&](const NodeMetrics& node) { names.insert(node.node); });
  return names;
}

}  // namespace

TEST_CASE("a latency lands in the first bucket whose bound is not below it") {
  for (std::size_t i = 0; i < kLatencyBoundsMicros.size(); ++i) {
    const std::chrono::microseconds bound(kLatencyBoundsMicros[i]);
    CAPTURE(bound.count());
    CHECK(bucketOf(bound) == i);
    CHECK(bucketOf(bound - 1us) == i);
    CHECK(bucketOf(bound + 1us) == i + 1);
  }
  CHECK(bucketOf(0us) == 0);
  CHECK(bucketOf(-5us) == 0);
  CHECK(bucketOf(24h) == kLatencyBoundsMicros.size());
}

TEST_CASE("a recorded request counts once, in one bucket and in the sum") {
  CommandMetrics metrics;
  metrics.record(60us, false);
  metrics.record(3ms, true);
  metrics.record(-1us, true);
  CHECK(metrics.requests.value() == 3);
  CHECK(metrics.errors.value() == 2);
  CHECK(metrics.latency.microsSum.value() == 3060);
  const auto total =
      std::accumulate(metrics.latency.buckets.begin(), metrics.latency.buckets.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const Counter& c) { return sum + c.value(); });
  CHECK(total == 3);
}

TEST_CASE("commands beyond the table are counted as unknown") {
  WorkerMetrics metrics(3);
  REQUIRE(metrics.commands().size() == 4);
  metrics.command(3).requests.add();
  metrics.command(1000).requests.add();
  metrics.unknownCommand().requests.add();
  metrics.command(2).requests.add();
  CHECK(metrics.commands()[3].requests.value() == 3);
  CHECK(metrics.commands()[2].requests.value() == 1);
}

TEST_CASE("label values of enumerations are present and distinct") {
  std::set<std::string_view> redirects;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Redirect::Count); ++i)
    redirects.insert(redirectName(static_cast<Redirect>(i)));
  CHECK(redirects.size() == static_cast<std::size_t>(Redirect::Count));
  CHECK(redirects.count("") == 0);
  std::set<std::string_view> limits;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Limit::Count); ++i)
    limits.insert(limitName(static_cast<Limit>(i)));
  CHECK(limits.size() == static_cast<std::size_t>(Limit::Count));
  CHECK(limits.count("") == 0);
  std::set<std::string_view> states;
  for (std::size_t i = 0; i < static_cast<std::size_t>(LinkState::Count); ++i)
    states.insert(linkStateName(static_cast<LinkState>(i)));
  CHECK(states.size() == static_cast<std::size_t>(LinkState::Count));
  CHECK(states.count("") == 0);
}

TEST_CASE("a node may have several links and each is dropped alone") {
  WorkerMetrics metrics(1);
  NodeMetrics& first = metrics.addNode("a:1");
  NodeMetrics& second = metrics.addNode("a:1");
  metrics.addNode("b:2");
  REQUIRE(&first != &second);
  CHECK(liveNodes(metrics) == std::multiset<std::string>{"a:1", "a:1", "b:2"});
  metrics.dropNode(first);
  CHECK(liveNodes(metrics) == std::multiset<std::string>{"a:1", "b:2"});
  second.requests.add();
  CHECK(second.requests.value() == 1);
}

TEST_CASE("a node that returns goes on counting and its gauges begin at zero") {
  WorkerMetrics metrics(1);
  NodeMetrics& before = metrics.addNode("a:1");
  before.requests.add(5);
  before.inFlight.set(2);
  before.state.set(static_cast<std::int64_t>(LinkState::Ready));
  metrics.dropNode(before);
  const NodeMetrics& after = metrics.addNode("a:1");
  CHECK(after.requests.value() == 5);
  CHECK(after.inFlight.value() == 0);
  CHECK(after.state.value() == static_cast<std::int64_t>(LinkState::Idle));
}

TEST_CASE("nodes that left are remembered in a bounded number, the newest ones") {
  WorkerMetrics metrics(1);
  for (int i = 0; i < 1000; ++i) metrics.dropNode(metrics.addNode("n:" + std::to_string(i)));
  std::set<std::string> retired;
  metrics.forEachRetiredNode([&](const NodeMetrics& node) { retired.insert(node.node); });
  CHECK(liveNodes(metrics).empty());
  CHECK(retired.size() <= 64);
  CHECK(retired.count("n:999") == 1);
  CHECK(retired.count("n:0") == 0);
}
