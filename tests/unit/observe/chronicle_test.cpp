// Samples, what has happened between them, and what is wrong.
#include "proxy/observe/chronicle.h"

#include <set>

#include "catch.h"

using namespace slotless;
using namespace slotless::observe;

namespace {

// Node i of `masters` has an equal share of the slots; each has one replica behind the masters.
std::shared_ptr<cluster::Topology> topologyOf(std::uint16_t masters) {
  auto topology = std::make_shared<cluster::Topology>();
  topology->version = 1;
  for (std::uint16_t i = 0; i < 2 * masters; ++i) {
    cluster::Node node{
        std::to_string(i), {"10.0.0.1", static_cast<std::uint16_t>(i + 1)}, i < masters, 1, {}};
    if (i < masters) node.replicas = {static_cast<cluster::NodeIndex>(i + masters)};
    topology->nodes.push_back(node);
  }
  for (std::size_t slot = 0; slot < topology->owners.size(); ++slot)
    topology->owners[slot] = static_cast<cluster::NodeIndex>(slot * masters / topology->owners.size());
  return topology;
}

Condition conditionAt(std::int64_t seconds, cluster::TopologyPtr topology) {
  Condition condition;
  condition.unixMillis = seconds * 1000;
  condition.topology = std::move(topology);
  condition.refreshInterval = std::chrono::seconds(30);
  condition.now.unixMillis = seconds * 1000;
  condition.now.at = std::chrono::steady_clock::time_point(std::chrono::seconds(1000 + seconds));
  return condition;
}

bool tells(const std::deque<Happening>& all, std::string_view kind, std::string_view text) {
  return std::any_of(all.begin(), all.end(),
                     [&](const Happening& each) { return each.kind == kind && each.text == text; });
}

}  // namespace

TEST_CASE("a quantile lies within the bucket that it falls into") {
  Buckets buckets{};
  CHECK(quantileMicros(buckets, 0.5) == 0);
  buckets[2] = 100;  // 100 to 200
  CHECK(quantileMicros(buckets, 0.5) == 150);
  buckets[4] = 100;  // 500 to 1000
  CHECK(quantileMicros(buckets, 0.75) == 750);
  Buckets slow{};
  slow.back() = 1;
  CHECK(quantileMicros(slow, 0.5) == telemetry::kLatencyBoundsMicros.back());
}

TEST_CASE("a sample is the sum over all workers, and nodes that are gone keep their counts") {
  telemetry::WorkerMetrics one(10), two(10);
  one.command(1).record(std::chrono::microseconds(60), false);
  two.command(2).record(std::chrono::microseconds(60), true);
  two.heldRequests.set(3);
  one.addNode("a:1").requests.add(5);
  telemetry::NodeMetrics& gone = two.addNode("a:1");
  gone.requests.add(7);
  gone.inFlight.set(2);
  two.dropNode(gone);
  const telemetry::WorkerMetrics* workers[] = {&one, &two};
  const Sample sample = takeSample(workers);
  CHECK(sample.requests == 2);
  CHECK(sample.errors == 1);
  CHECK(sample.latency[1] == 2);
  CHECK(sample.held == 3);
  CHECK(sample.nodes.at("a:1").requests == 12);
  CHECK(sample.nodes.at("a:1").inFlight == 0);
}

TEST_CASE("the history keeps fifteen minutes, and its rates are per second") {
  Chronicle chronicle;
  const auto topology = topologyOf(3);
  for (std::int64_t i = 0; i < 500; ++i) {
    Condition condition = conditionAt(2 * i, topology);
    condition.now.requests = static_cast<std::uint64_t>(20 * i);
    condition.now.nodes["10.0.0.1:1"].requests = static_cast<std::uint64_t>(10 * i);
    chronicle.take(std::move(condition));
  }
  CHECK(chronicle.traffic().size() == 450);
  CHECK(chronicle.traffic().back().requests == 10);
  CHECK(chronicle.present().nodes.at("10.0.0.1:1").requests == 5);
  CHECK(chronicle.present().problems.empty());
}

TEST_CASE("a failover, slots without a master and a reshard are told in words") {
  Happenings happenings;
  const auto before = topologyOf(3);
  noteChanges(happenings, 0, cluster::Topology{}, *before);
  CHECK(tells(happenings.all(), "topology",
              "The cluster is known: 3 masters, 3 replicas, 16384 slots covered"));

  auto after = topologyOf(3);
  after->nodes[3].master = true;
  for (auto& owner : after->owners) {
    if (owner == 0) owner = 3;
  }
  noteChanges(happenings, 1, *before, *after);
  CHECK(tells(happenings.all(), "failover",
              "10.0.0.1:4 has become master in place of 10.0.0.1:1, with 5462 slots"));

  auto moved = topologyOf(3);
  moved->owners[0] = 1;
  moved->owners[16383] = cluster::kNoNode;
  noteChanges(happenings, 2, *before, *moved);
  CHECK(tells(happenings.all(), "reshard", "1 slot went from 10.0.0.1:1 to 10.0.0.1:2"));
  CHECK(tells(happenings.all(), "topology", "1 slot of 10.0.0.1:3 has no master now"));

  auto smaller = topologyOf(3);
  smaller->nodes.pop_back();
  noteChanges(happenings, 3, *before, *smaller);
  CHECK(tells(happenings.all(), "topology", "10.0.0.1:6 is not listed any more"));
}

TEST_CASE("the same again counts up what is there, and the time line is bounded") {
  Happenings happenings;
  happenings.add(1000, "limit", Weight::Warning, "acted", 2);
  happenings.add(9000, "limit", Weight::Warning, "acted");
  REQUIRE(happenings.all().size() == 1);
  CHECK(happenings.all().front().times == 3);
  CHECK(happenings.lastId() == 2);
  happenings.add(20'000, "limit", Weight::Warning, "acted");
  CHECK(happenings.all().size() == 2);
  for (std::int64_t i = 0; i < 1000; ++i) happenings.add(i * 100'000, "x", Weight::Note, "y");
  CHECK(happenings.all().size() == Happenings::kMost);
}

TEST_CASE("what has been counted between two samples is on the time line") {
  Happenings happenings;
  Sample before, after;
  after.ambiguous = 2;
  after.redirects[0] = 3;
  after.limits[static_cast<std::size_t>(telemetry::Limit::Memory)] = 1;
  after.nodes["a:1"].losses = 1;
  after.paused = 1;
  after.held = 5;
  noteChanges(happenings, before, after);
  CHECK(tells(happenings.all(), "limit", "The limit memory has acted"));
  CHECK(tells(happenings.all(), "link", "A connection to a:1 was lost or refused"));
  CHECK(tells(happenings.all(), "pause", "Clients are paused"));
  CHECK(tells(happenings.all(), "held", "Requests are waiting for a master"));
  CHECK(happenings.all().size() == 6);
  noteChanges(happenings, after, after);
  CHECK(happenings.all().size() == 6);
}

TEST_CASE("a problem says what to do, and since when it has been there") {
  Verdict verdict;
  auto topology = topologyOf(3);
  CHECK(verdict.judge(conditionAt(10, topology)).empty());
  auto broken = topologyOf(3);
  broken->owners[7] = cluster::kNoNode;
  Condition condition = conditionAt(20, broken);
  condition.now.held = 4;
  condition.notReady = "16383 of 16384 slots have a reachable master";
  std::vector<Problem> problems = verdict.judge(condition);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].id == "slots-uncovered");
  CHECK(problems[0].what == "1 of 16384 slots have no master");
  CHECK_FALSE(problems[0].advice.empty());
  CHECK(problems[0].sinceMillis == 20'000);
  CHECK(problems[1].id == "held");
  condition.unixMillis = 50'000;
  CHECK(verdict.judge(condition)[0].sinceMillis == 20'000);
  CHECK(verdict.judge(conditionAt(60, topology)).empty());
  condition.unixMillis = 70'000;
  CHECK(verdict.judge(condition)[0].sinceMillis == 70'000);
}

TEST_CASE("each thing that can be wrong is found") {
  const auto idsOf = [](const Condition& condition) {
    Verdict verdict;
    std::set<std::string> ids;
    for (const Problem& problem : verdict.judge(condition)) ids.insert(problem.id);
    return ids;
  };
  const auto topology = topologyOf(2);
  CHECK(idsOf(conditionAt(1, nullptr)) == std::set<std::string>{"topology-unknown"});
  Condition condition = conditionAt(1, topology);
  condition.notAlive = "worker-0";
  condition.topologyAge = std::chrono::minutes(5);
  condition.now.paused = 1;
  condition.now.ambiguous = 1;
  condition.now.limits[static_cast<std::size_t>(telemetry::Limit::Memory)] = 1;
  condition.now.nodes["10.0.0.1:1"].links[static_cast<std::size_t>(telemetry::LinkState::Silent)] = 1;
  condition.now.nodes["10.0.0.1:2"].missing = true;
  condition.certificates = {{"clients", "old.crt", 1}, {"nodes", "new.crt", 100L * 24 * 3600}};
  CHECK(idsOf(condition) == std::set<std::string>{"stuck", "topology-old", "paused", "ambiguous",
                                                  "limit memory", "nodes-silent", "nodes-unreachable",
                                                  "certificate old.crt"});
  condition = conditionAt(1, topology);
  condition.notReady = "x";
  CHECK(idsOf(condition) == std::set<std::string>{"not-ready"});
}

TEST_CASE("a master without a replica is a warning only where others have one") {
  Verdict verdict;
  auto topology = topologyOf(2);
  topology->nodes[0].replicas.clear();
  std::vector<Problem> problems = verdict.judge(conditionAt(1, topology));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].weight == Weight::Warning);
  topology = topologyOf(2);
  topology->nodes.resize(2);
  for (cluster::Node& node : topology->nodes) node.replicas.clear();
  problems = verdict.judge(conditionAt(1, topology));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].weight == Weight::Note);
}
